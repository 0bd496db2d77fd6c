/**
 * The three scenarios of real use, by a client that knows docs/wire.md and a WebSocket, nothing else.
 * Runs in Node with the ``ws`` package and in a browser, which differ in how a socket is opened.
 */

const PATIENCE_MS = 20_000;

/** One WebSocket whose messages can be waited for. */
class Peer {
  #waiting = [];
  #wake = () => {};

  constructor(socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => (socket.onclose = ({ code }) => resolve(code)));
    socket.onmessage = ({ data }) => {
      this.#waiting.push(JSON.parse(data));
      this.#wake();
    };
  }

  static async open(socket) {
    const peer = new Peer(socket);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return peer;
  }

  send(type, data, id) {
    this.socket.send(JSON.stringify({ type, data, id }));
  }

  /** The next message of one of these types; others are skipped. */
  async next(...types) {
    for (;;) {
      while (this.#waiting.length > 0) {
        const message = this.#waiting.shift();
        if (types.includes(message.type)) return message;
      }
      await new Promise((resolve, reject) => {
        const late = () => reject(new Error(`no ${types.join(" or ")} came`));
        const timer = setTimeout(late, PATIENCE_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve(null);
        };
      });
    }
  }

  /** All messages of a session's answer, from the prompt on until one of these types. */
  async story(...ends) {
    const types = ["message.created", "tool-call", "text-delta", "tool-result"];
    const told = [];
    do told.push(await this.next(...types, "message.completed", "cancelled"));
    while (!ends.includes(told.at(-1).type));
    return told;
  }

  /** Output until it holds ``marker``. */
  async shows(marker) {
    let shown = "";
    while (!shown.includes(marker)) shown += (await this.next("output")).data.output;
    return shown;
  }
}

function expect(isTrue, what) {
  if (!isTrue) throw new Error(`expected ${what}`);
}

const parts = (text) => [{ type: "text", text }];

/** B sees A's prompt and the answer as it is streamed; both see the same in the same order. */
async function twoPeople(open) {
  const a = await Peer.open(open("ws?sessionID=scenario-room"));
  const b = await Peer.open(open("ws?sessionID=scenario-room"));
  b.send("ping", undefined, 1);
  await b.next("pong"); // it follows by now
  const text = "for i in 1 2 3; do echo line $i; sleep 0.15; done; exit 4";
  a.send("prompt", { parts: parts(text) }, 7);
  const accepted = await a.next("accepted");
  expect(accepted.id === 7, "the reply to carry the request's id");
  const seen = await b.story("message.completed");
  const [prompt, answer, call] = seen;
  expect(prompt.data.message.id === accepted.data.messageID, "B to see A's prompt");
  expect(prompt.data.message.role === "user", "it to be a user's");
  expect(prompt.data.message.parts[0].text === text, "it to be whole");
  expect(answer.data.message.role === "assistant", "the answer to be announced");
  expect(call.type === "tool-call" && call.data.tool === "shell", "the command to be announced");
  const deltas = seen.filter(({ type }) => type === "text-delta");
  expect(deltas.length >= 3, "the answer to be streamed");
  const words = deltas.map(({ data }) => data.delta).join("");
  expect(words === "line 1\nline 2\nline 3\n", "all of it");
  const result = seen.find(({ type }) => type === "tool-result");
  expect(result.data.output.includes("4") && result.data.failed, "the exit code");
  expect(seen.at(-1).data.reason === "done", "the end");
  const same = await (await Peer.open(open("ws"))).again("scenario-room", prompt.data.seq - 1);
  expect(JSON.stringify(same) === JSON.stringify(seen), "the same, in the same order");
  a.socket.close();
  b.socket.close();
}

/** One who comes back with ``since`` gets what was missed. */
Peer.prototype.again = async function (sessionID, since) {
  this.send("subscribe", { sessionID, since }, 2);
  await this.next("subscribed");
  const told = await this.story("message.completed");
  this.socket.close();
  return told;
};

/** An interactive terminal over ``/pty``, from a script. */
async function interactive(open) {
  const pty = await Peer.open(open("pty?sessionID=scenario-terminal"));
  pty.send("resize", { rows: 30, cols: 100 });
  pty.send("input", { data: "stty size; echo $((6*7))-é中\r" });
  const shown = await pty.shows("42-é中");
  expect(shown.includes("30 100"), "the size that was asked for");
  pty.send("ping", undefined, 3);
  expect((await pty.next("pong")).id === 3, "a pong");
  pty.send("input", { data: "read answer; echo got-$answer\r" });
  pty.send("input", { data: "yes please\r" });
  await pty.shows("got-yes please");
  pty.send("input", { data: "exit 3\r" });
  expect((await pty.next("exited")).data.code === 3, "the exit code");
  expect((await pty.closed) === 4001, "an end for good");
}

/** A long task is interrupted: by Ctrl-C in a terminal, by ``cancel`` in the channel. */
async function interrupted(open) {
  const peer = await Peer.open(open("ws?sessionID=scenario-task"));
  peer.send("terminal.open", { rows: 24, cols: 80 }, 1);
  const { terminal } = (await peer.next("terminal.opened")).data;
  peer.send("attach", { channel: 1, terminalID: terminal.id, rows: 24, cols: 80 }, 2);
  await peer.next("attached");
  // It is the task that says so, and not the shell before it: a Ctrl-C in between is lost.
  const task = "sh -c 'echo be$((0))gun; exec sleep 600'; echo ne''ver\r";
  peer.send("input", { channel: 1, data: task });
  await peer.shows("be0gun");
  peer.send("input", { channel: 1, data: "\u0003" });
  peer.send("input", { channel: 1, data: "echo aft''er\r" });
  const shown = await peer.shows("after");
  expect(!shown.includes("never"), "the rest of the line not to run");

  peer.send("prompt", { parts: parts("echo begun; sleep 600; echo never") }, 4);
  while (!(await peer.next("text-delta")).data.delta.includes("begun"));
  peer.send("cancel", {}, 5);
  const story = await peer.story("cancelled");
  expect(story.at(-2).data.reason === "cancelled", "the answer to have been cancelled");
  expect(!JSON.stringify(story).includes("never\\n"), "nothing more of it");
  peer.send("prompt", { parts: parts("echo next") }, 6);
  expect((await peer.next("text-delta")).data.delta === "next\n", "the next prompt to be answered");
  peer.socket.close();
}

export const scenarios = { twoPeople, interactive, interrupted };
