//! The features, each in its place in the tables, which are the same for both
//! clients. Features that follow each other share a session, so each also shows that
//! it goes on.

use futures_util::{FutureExt, future::BoxFuture};

use super::{alone, content, ends, flags, limits, outside, pair::Pair, talk, tools};

pub(super) type Play = for<'a> fn(&'a mut Pair) -> BoxFuture<'a, String>;

/// Features that share a session: the session's name, and theirs.
pub(super) type Session = (&'static str, &'static [(&'static str, Play)]);

/// The rows of both tables, in their order.
pub(super) const SESSIONS: &[Session] = &[
    (
        "talk",
        &[
            ("Text", |pair| talk::text(pair).boxed()),
            ("Thinking", |pair| talk::thoughts(pair).boxed()),
            ("The next turn remembers", |pair| {
                talk::remembers(pair).boxed()
            }),
            ("Tokens used", |pair| talk::usage(pair).boxed()),
            ("Title", |pair| talk::title(pair).boxed()),
            ("Another model", |pair| talk::model(pair).boxed()),
            ("Another mode, which asks nobody", |pair| {
                talk::mode(pair).boxed()
            }),
        ],
    ),
    (
        "tools",
        &[
            ("Tool allowed", |pair| tools::allowed(pair).boxed()),
            ("Tool denied", |pair| tools::denied(pair).boxed()),
            ("Tool allowed for good", |pair| tools::always(pair).boxed()),
            ("Slash commands", |pair| talk::commands(pair).boxed()),
        ],
    ),
    (
        "question",
        &[("Question of the model to its user", |pair| {
            tools::question(pair).boxed()
        })],
    ),
    (
        "cancelled",
        &[
            ("Cancelled during text", |pair| {
                tools::cancel_text(pair).boxed()
            }),
            ("Cancelled during a question", |pair| {
                tools::cancel_permission(pair).boxed()
            }),
            ("Cancelled during a tool", |pair| {
                tools::cancel_tool(pair).boxed()
            }),
        ],
    ),
    (
        "work",
        &[
            ("Change of a file, with its diff", |pair| {
                tools::change(pair).boxed()
            }),
            ("Plan", |pair| tools::plan(pair).boxed()),
            ("Image in a prompt", |pair| content::image(pair).boxed()),
            ("File in a prompt", |pair| content::resource(pair).boxed()),
        ],
    ),
    (
        "sub-agent",
        &[("Sub-agent", |pair| alone::sub_agent(pair).boxed())],
    ),
    (
        "background",
        &[("Command that outlasts the turn", |pair| {
            alone::background(pair).boxed()
        })],
    ),
    (
        "sandbox",
        &[("Command that the sandbox refuses", |pair| {
            limits::sandbox(pair).boxed()
        })],
    ),
    (
        SERVERS,
        &[
            ("MCP server of the session, stdio", |pair| {
                content::stdio(pair).boxed()
            }),
            ("MCP server of the session, HTTP", |pair| {
                content::http(pair).boxed()
            }),
        ],
    ),
    (
        BROKEN,
        &[("MCP server that does not start", |pair| {
            limits::broken_server(pair).boxed()
        })],
    ),
    (
        "queue",
        &[
            ("Prompt of another client waits for the turn", |pair| {
                content::queued(pair).boxed()
            }),
            ("Words for the running turn", |pair| {
                content::steered(pair).boxed()
            }),
            ("Conversation summed up, `/compact`", |pair| {
                limits::compaction(pair).boxed()
            }),
        ],
    ),
    (
        "ends",
        &[
            ("Refusal", |pair| ends::refusal(pair).boxed()),
            ("Answer too long", |pair| ends::max_tokens(pair).boxed()),
            ("Stream of the model breaks off", |pair| {
                ends::dropped(pair).boxed()
            }),
            ("Status 401", |pair| ends::unauthorized(pair).boxed()),
            ("Status 429", |pair| ends::too_many(pair).boxed()),
            ("Status 503", |pair| ends::overloaded(pair).boxed()),
        ],
    ),
    (
        "killed",
        &[("Its program is killed in a turn", |pair| {
            ends::killed(pair).boxed()
        })],
    ),
    (
        "fork",
        &[
            ("Fork, which remembers", |pair| outside::fork(pair).boxed()),
            ("Ways to log in", |pair| outside::login(pair).boxed()),
        ],
    ),
    (
        "by-hand",
        &[("Conversation begun by hand goes on", |pair| {
            outside::by_hand(pair).boxed()
        })],
    ),
];

/// What besides is to be seen through acpx alone.
pub(super) const OF_ACPX: &[Session] = &[(
    "flags",
    &[
        ("Tool allowed, `--approve-all`", |pair| {
            flags::allowed(pair).boxed()
        }),
        ("Tool denied, `--deny-all`", |pair| {
            flags::denied(pair).boxed()
        }),
        ("Cancelled, `acpx cancel`", |pair| {
            flags::cancelled(pair).boxed()
        }),
    ],
)];

/// The session that has MCP servers.
pub(super) const SERVERS: &str = "servers";

/// The one that has a server which does not start.
pub(super) const BROKEN: &str = "broken";

/// The row of the last session, which sees the host killed.
pub(super) const RESTART: &str = "The host is killed, the next turn remembers";
