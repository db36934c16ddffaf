// The site's search runs in a worker, and browsers load no worker from a page on disk (file:). There, a hidden frame
// of the page does the same: it loads the worker's script and exchanges its messages with the page.
"use strict";
if (location.protocol === "file:") {
  const loadScripts = (...addresses) =>
    addresses.reduce(
      (before, address) =>
        before.then(
          () =>
            new Promise((done, failed) => {
              const script = document.createElement("script");
              script.src = address;
              script.onload = done;
              script.onerror = failed;
              document.body.appendChild(script);
            }),
        ),
      Promise.resolve(),
    );
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.appendChild(this.frame);
      const inside = this.frame.contentWindow;
      this.ready = new Promise((done) => this.frame.addEventListener("load", done, { once: true }));
      this.listener = (event) => {
        if (event.source !== inside) return;
        const message = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(message);
        if (this.onmessage) this.onmessage(message);
      };
      window.addEventListener("message", this.listener);
      inside.document.open();
      inside.document.write(
        `<html><body><script>var importScripts = ${loadScripts};` +
          `var postMessage = (data) => parent.dispatchEvent(new MessageEvent("message", { data, source: window }));` +
          `</` + `script><script src="${new URL(address, location.href)}"></` + `script></body></html>`,
      );
      inside.document.close();
    }
    postMessage(data) {
      const send = () => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
      this.ready.then(send);
    }
    terminate() {
      window.removeEventListener("message", this.listener);
      this.frame.remove();
    }
  };
}
