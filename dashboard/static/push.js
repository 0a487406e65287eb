// Lets this browser call the person whose page it is: asks for the right to, on a tap, and sends the subscription by a form.
(() => {
  "use strict";
  const form = document.getElementById("browser");
  if (!form) return;
  const said = document.getElementById("browser-said");
  const button = form.querySelector("button");
  const say = (word) => { said.textContent = said.dataset[word] || ""; };
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) {
    say("none");
    return;
  }
  const key = bytesOf(form.dataset.key);

  function bytesOf(text) {
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  }

  function nameOf(agent) {
    const find = (pairs) => (pairs.find(([pattern]) => pattern.test(agent)) || ["", ""])[1];
    const browser = find([[/Edg/, "Edge"], [/Firefox|FxiOS/, "Firefox"], [/Chrom|CriOS/, "Chrome"], [/Safari/, "Safari"]]);
    const device = find([[/iPhone/, "iPhone"], [/iPad/, "iPad"], [/Android/, "Android"], [/Windows/, "Windows"],
      [/CrOS/, "Chromebook"], [/Mac OS/, "Mac"], [/Linux/, "Linux"]]);
    return [device, browser].filter(Boolean).join(" · ");
  }

  // The list knows each browser by the hash of its endpoint.
  async function lineOf(subscription) {
    if (!subscription) return null;
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(subscription.endpoint));
    const hex = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return document.querySelector(`[data-browser="${hex}"]`);
  }

  function isForUs(subscription) {
    const theirs = new Uint8Array((subscription.options && subscription.options.applicationServerKey) || []);
    return theirs.length === key.length && theirs.every((byte, place) => byte === key[place]);
  }

  async function subscribe() {
    if (await Notification.requestPermission() !== "granted") return "refused";
    const worker = await navigator.serviceWorker.register("/worker.js", { scope: "/", updateViaCache: "none" });
    await navigator.serviceWorker.ready;
    let subscription = await worker.pushManager.getSubscription();
    const line = await lineOf(subscription);
    if (subscription && (!isForUs(subscription) || (line && "broken" in line.dataset))) {
      await subscription.unsubscribe();
      subscription = null;
    }
    subscription ||= await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    form.elements.address.value = JSON.stringify(subscription);
    form.submit();
    return "asking";
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    say("asking");
    subscribe().catch(() => "failed").then((word) => {
      say(word);
      button.disabled = word === "asking";
    });
  });

  if (!form.elements.name.value) form.elements.name.value = nameOf(navigator.userAgent);
  form.hidden = false;
  (async () => {
    const worker = await navigator.serviceWorker.getRegistration("/");
    const line = worker ? await lineOf(await worker.pushManager.getSubscription()) : null;
    if (!line) return;
    line.querySelector(".here").hidden = false;
    if ("broken" in line.dataset || Notification.permission !== "granted") return;
    form.hidden = true;
    say("here");
  })();
})();
