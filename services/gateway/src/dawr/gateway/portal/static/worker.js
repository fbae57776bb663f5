// What the browser keeps for when there is no network: the page that says so, and what that page loads. No page of
// anybody's own is kept. KEPT and LANGUAGES are set by the gateway above this line.
"use strict";
const CACHE = "dawr-" + KEPT.join();

async function keep() {
  const cache = await caches.open(CACHE);
  await cache.addAll(KEPT);
  // Without cookies: the page as somebody sees it who is not signed in.
  await Promise.all(LANGUAGES.map(async function (lang) {
    const page = await fetch("/offline?lang=" + lang, { credentials: "omit" });
    if (page.ok) await cache.put("/offline/" + lang, page);
  }));
}

async function forget() {
  const names = await caches.keys();
  await Promise.all(names.filter(function (name) { return name !== CACHE; }).map(function (name) { return caches.delete(name); }));
  await self.clients.claim();
}

// A page: from the network. In which language it was is remembered, for the one that is shown without.
async function page(request) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    const lang = answer.headers.get("content-language");
    if (LANGUAGES.includes(lang)) await cache.put("/language", new Response(lang));
    return answer;
  } catch (_error) {
    const kept = await cache.match("/language");
    const lang = kept ? await kept.text() : LANGUAGES[0];
    return (await cache.match("/offline/" + lang)) || Response.error();
  }
}

self.addEventListener("install", function (event) {
  self.skipWaiting();
  event.waitUntil(keep());
});
self.addEventListener("activate", function (event) { event.waitUntil(forget()); });
self.addEventListener("fetch", function (event) {
  const request = event.request;
  const path = new URL(request.url).pathname;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (KEPT.includes(path)) event.respondWith(caches.match(path).then(function (kept) { return kept || fetch(request); }));
});
