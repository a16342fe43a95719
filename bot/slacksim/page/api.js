// The page's requests, and the stream of states. See the contract in the Go package's documentation.

/** post sends JSON and returns the decoded answer; throws an Error with the server's sentence. */
export async function post(path, body) {
  let response;
  try {
    response = await fetch(`/page/api/${path}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  } catch {
    throw new Error("The demo does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `The demo answered ${response.status}.`);
  return answer;
}

/** Stream keeps one event stream open for the person looking, and opens it again when it breaks. */
export class Stream {
  constructor(onState, onLink) {
    this.onState = onState;
    this.onLink = onLink; // called with "open" or "lost"
    this.source = null;
    this.timer = 0;
    this.wait = 500;
    this.heard = false; // whether any state ever came
  }

  open(user) {
    this.close();
    const source = new EventSource("/page/api/events" + (user ? `?user=${encodeURIComponent(user)}` : ""));
    this.source = source;
    source.onmessage = (event) => {
      if (source !== this.source) return;
      this.wait = 500;
      let state;
      try {
        state = JSON.parse(event.data);
      } catch {
        return; // half an event of a server going down; the next one is whole
      }
      this.heard = true;
      this.onLink("open");
      this.onState(state);
    };
    source.onerror = () => {
      if (source !== this.source) return;
      this.onLink("lost");
      // A browser retries a broken stream by itself, but gives up on one that was refused.
      if (source.readyState === EventSource.CLOSED) {
        // Perhaps because nobody of that id is here (an old link): then as whoever the server proposes.
        this.timer = setTimeout(() => this.open(this.heard ? user : ""), this.wait);
        this.wait = Math.min(this.wait * 2, 5000);
      }
    };
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }
}
