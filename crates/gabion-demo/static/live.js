// Keeps the stock notice of a product page up to date. Without it the notice says what was true at load.
(() => {
  const notice = document.getElementById("stock");
  if (!notice || !("WebSocket" in window)) return;
  let pause = 1000;
  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss://" : "ws://";
    const socket = new WebSocket(scheme + location.host + "/live?product=" + encodeURIComponent(notice.dataset.product));
    socket.onmessage = (message) => {
      pause = 1000;
      notice.textContent = JSON.parse(message.data).text;
      notice.classList.add("live");
    };
    socket.onclose = () => {
      notice.classList.remove("live");
      setTimeout(connect, pause);
      pause = Math.min(pause * 2, 60000);
    };
  };
  connect();
})();
