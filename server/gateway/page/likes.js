// Which posts whoever reads has liked. A feed does not tell, so it is asked of posts in view.

const KNOWN_LIKES = 100;

/** Tells views of posts whether they are liked, when they come into view. */
export class Likes {
  #app;
  #known = new Map();
  #watcher;

  constructor(app) {
    this.#app = app;
    this.#watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.#look(entry.target.view);
    }, { rootMargin: "200px" });
  }

  watch(view) {
    this.#watcher.observe(view.element);
  }

  note(postId, isLiked) {
    this.#known.set(postId, isLiked);
  }

  forget() {
    this.#known.clear();
  }

  async #look(view) {
    this.#watcher.unobserve(view.element);
    const { postId, likeCount } = view.post;
    if (likeCount === 0) {
      view.tellLiked(false, []);
      return;
    }
    try {
      const path = `/v1/posts/${postId}/likes?limit=${KNOWN_LIKES}`;
      const { items } = await this.#app.api.get(path);
      const { userId } = this.#app.session;
      const isListed = items.some((like) => like.userId === userId);
      // A like that is further down than the first page is known if it was given here.
      const isLiked = this.#known.get(postId) ?? isListed;
      view.tellLiked(isLiked, items.filter((like) => like.userId !== userId).map(nameOf));
    } catch {
      // The post can be read without; a like that stands already is taken as such when sent.
    }
  }
}

function nameOf(like) {
  return like.name;
}
