"use strict";
setTimeout(() => window.alert("Sesi Anda akan segera berakhir."), 50);
