"use strict";
setTimeout(() => window.open("/pemeliharaan", "_blank"), 50);
