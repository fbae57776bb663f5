// Passkeys for staff: <div data-passkey="sign-in|invitation|own">. The server's JSON API sets the session's cookies.
(function () {
  "use strict";
  function send(path, body) {
    return fetch("/api/staff/" + path, {
      method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body || {})
    }).then(function (answer) { if (!answer.ok) throw new Error(answer.status); return answer.status === 204 ? null : answer.json(); });
  }
  // As a page's form: the session is in a cookie that scripts can't read, so the form's token goes with it.
  function form(path, place, fields) {
    var body = new URLSearchParams(fields || {});
    body.set("form-token", place.dataset.token);
    return fetch(path, { method: "POST", credentials: "same-origin", body: body }).then(function (answer) {
      if (!answer.ok) throw new Error(answer.status);
      return answer.json();
    });
  }
  function made(options) { return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }); }
  function got(options) { return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }); }
  var ways = {
    "sign-in": function (place) {
      return send("passkeys/challenges").then(function (asked) {
        return got(asked.options).then(function (key) { return send("passkeys/session", { id: asked.id, answer: key.toJSON() }); });
      }).then(function () { location.assign(place.dataset.next || "/staff"); });
    },
    "invitation": function (place) {
      var token = place.dataset.invitation;
      return send("invitations/passkey/challenge", { token: token }).then(function (asked) {
        return made(asked.options).then(function (key) { return send("invitations/passkey", { token: token, id: asked.id, answer: key.toJSON() }); });
      }).then(function () { location.assign("/staff"); });
    },
    "own": function (place) {
      return form("/staff/passkeys/challenges", place).then(function (asked) {
        return made(asked.options).then(function (key) {
          return form("/staff/passkeys", place, { id: asked.id, answer: JSON.stringify(key.toJSON()) });
        });
      }).then(function () { location.reload(); });
    }
  };
  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-passkey]").forEach(function (place) {
      if (!window.PublicKeyCredential || !PublicKeyCredential.parseCreationOptionsFromJSON) { place.remove(); return; }
      place.querySelector("button").addEventListener("click", function () {
        var error = place.querySelector("[data-passkey-error]");
        error.hidden = true;
        ways[place.dataset.passkey](place).catch(function () { error.hidden = false; error.setAttribute("role", "alert"); });
      });
    });
  });
})();
