// A page script that fails: a missing object is read.
"use strict";
setTimeout(() => { const widget = window.portalWidget; widget.render(); }, 0);
