"use strict";
console.error("Gagal memuat konfigurasi layanan: unexpected token in settings");
