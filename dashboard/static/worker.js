// Shows what is pushed to this browser, and opens what it is about. It keeps nothing, and answers no request of a page.
"use strict";

const UNREAD = {
  ja: { title: "お知らせがあります", body: "内容を読み取れませんでした。画面を開いて確認してください。" },
  en: { title: "There is something to see to", body: "It could not be read here: open the board." },
};

self.addEventListener("install", () => { self.skipWaiting(); });
self.addEventListener("activate", (event) => { event.waitUntil(self.clients.claim()); });

function messageOf(event) {
  try {
    const told = event.data.json();
    if (typeof told.title === "string" && told.title) return told;
  } catch (error) {
    // Whatever came, a browser that shows nothing for a push loses the right to be called.
  }
  return UNREAD[(self.navigator.language || "ja").startsWith("ja") ? "ja" : "en"];
}

// Always a page of our own: of the link, only the path counts, so that no message leads to another site.
function pathOf(told) {
  try {
    const link = new URL(told.link, self.location.origin);
    if (told.link && /^https?:$/.test(link.protocol)) return link.pathname + link.search;
  } catch (error) {
    // No link, or none that can be read: then what the message is about.
  }
  const alert = /^alert-(\d+)$/.exec(told.tag || "");
  return alert ? "/alerts/" + alert[1] : "/";
}

self.addEventListener("push", (event) => {
  const told = messageOf(event);
  const shown = {
    body: typeof told.body === "string" ? told.body : "",
    data: { path: pathOf(told) },
    icon: "/static/icon-192.png",
    requireInteraction: told.urgent === true,
  };
  if (typeof told.tag === "string" && told.tag) Object.assign(shown, { tag: told.tag, renotify: true });
  event.waitUntil(self.registration.showNotification(told.title, shown));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const wanted = self.location.origin + ((event.notification.data || {}).path || "/");
  event.waitUntil((async () => {
    const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const there = open.find((client) => client.url === wanted);
    return there ? there.focus() : self.clients.openWindow(wanted);
  })());
});
