// The page: shows the door or the feed, and holds together what each of them needs.

import { Api } from "./api.js";
import { showKeys, wireDialogs } from "./dialogs.js";
import { hideDoor, showDoor } from "./door.js";
import { Home } from "./home.js";
import { wireKeys } from "./keys.js";
import { Likes } from "./likes.js";
import { Notifications, NotificationsView, showBadge } from "./notifications.js";
import { FollowView, PeopleView, showBeside } from "./people-view.js";
import { People } from "./people.js";
import { NowhereView, PostPage, ProfileView } from "./profile.js";
import { Router } from "./router.js";
import { toastProblem } from "./say.js";
import { Session } from "./session.js";
import { refreshTimes } from "./times.js";

const TIMES_MS = 20_000;

/** What the parts of the page share, for as long as one user is signed in. */
class App {
  constructor(session) {
    this.session = session;
    this.api = new Api(session);
    this.router = null;
    this.end = () => {};
  }

  /** Begin for whoever is signed in now. */
  begin({ isEntered }) {
    this.people = new People(this);
    this.likes = new Likes(this);
    this.notifications = new Notifications(this);
    this.home = new Home(this);
    this.router = new Router((place, parts) => this.#view(place, parts));
    document.getElementById("own-page").href = `#/users/${this.session.userId}`;
    document.getElementById("frame").hidden = false;
    const endKeys = wireKeys(this);
    this.notifications.addEventListener("changed", () => showBadge(this.notifications));
    showBadge(this.notifications);
    this.router.start({ isEntered });
    this.home.start();
    this.notifications.start();
    showBeside(this);
    this.end = () => {
      endKeys();
      this.home.stop();
      this.notifications.stop();
      this.router.stop();
      document.getElementById("frame").hidden = true;
    };
  }

  async signOut() {
    await this.api.delete("/v1/tokens").catch(() => {});
    this.session.end();
    location.hash = "#/";
  }

  write() {
    if (this.router.shown !== this.home) {
      location.hash = "#/";
      // Not once the page is told of the new address: what is typed until then would be lost.
      this.router.show();
    }
    this.home.write();
  }

  retitle(view) {
    if (this.router.shown === view) document.title = `${view.title} · socialfeed`;
  }

  /** Show the newest state of a post wherever it is shown. */
  refreshPost(postId) {
    for (const list of new Set([this.home.list, this.router.shown?.list])) list?.refresh(postId);
  }

  /** Tell whether the server answers. */
  tellReached(isReached) {
    const banner = document.getElementById("offline");
    banner.hidden = isReached && navigator.onLine;
  }

  #view(place, [first, second]) {
    const views = {
      people: () => new PeopleView(this),
      notifications: () => new NotificationsView(this),
      posts: () => new PostPage(this, first),
      users: () =>
        ["followers", "followees"].includes(second)
          ? new FollowView(this, first, second)
          : new ProfileView(this, first),
    };
    return place === "" ? this.home : (views[place]?.() ?? new NowhereView());
  }
}

const app = new App(new Session());
let message = "";

function show() {
  app.end();
  app.end = () => {};
  if (app.session.user) {
    app.begin({ isEntered: hideDoor() });
  } else {
    showDoor(app, message);
    message = "";
  }
}

app.session.addEventListener("changed", show);
app.session.addEventListener("expired", () => {
  message = "You were signed out. Sign in again; what you wrote is kept.";
});
addEventListener("online", () => app.tellReached(true));
addEventListener("offline", () => app.tellReached(false));
document.getElementById("sign-out").addEventListener("click", () => app.signOut().catch(toastProblem));
document.getElementById("show-keys").addEventListener("click", showKeys);
wireDialogs();
setInterval(refreshTimes, TIMES_MS);
show();
