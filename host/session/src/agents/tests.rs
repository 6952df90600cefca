use std::sync::atomic::{AtomicUsize, Ordering};

use hostler_runtime::{AuthMethod, Mode, Readiness, Tier, TierKind};
use tokio::{sync::Semaphore, time::advance};

use super::{
    looking::{NOT_READY, PAUSE, READY},
    *,
};

/// An agent that is found as the test says.
#[derive(Debug)]
struct Fake {
    readiness: Mutex<Readiness>,
    looks: AtomicUsize,
    /// A look takes one.
    may: Semaphore,
}

impl Fake {
    fn new(readiness: Readiness, looks: usize) -> Arc<Self> {
        Arc::new(Self {
            readiness: Mutex::new(readiness),
            looks: AtomicUsize::new(0),
            may: Semaphore::new(looks),
        })
    }

    fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    fn becomes(&self, readiness: Readiness) {
        *self.readiness.lock().unwrap() = readiness;
    }
}

impl Probe for Fake {
    fn look(&self) -> BoxFuture<'_, Look> {
        Box::pin(async move {
            self.looks.fetch_add(1, Ordering::SeqCst);
            self.may.acquire().await.unwrap().forget();
            let readiness = *self.readiness.lock().unwrap();
            let ready = readiness == Readiness::Ready;
            let text = |text: &str| text.to_owned();
            Look {
                title: Some(text("Fake")),
                prompt: Some(PromptCapabilities {
                    audio: true,
                    ..PromptCapabilities::default()
                }),
                status: Ok(Status {
                    readiness,
                    version: Some(text("1.0")),
                    detail: format!("found\n{}", readiness.word()),
                    fix: (!ready).then(|| text("fake login")),
                }),
                choices: (readiness != Readiness::Missing).then(|| Choices {
                    local: true,
                    tiers: vec![Tier {
                        kind: TierKind::Fast,
                        model: text("tiny"),
                        name: text("Tiny"),
                        description: String::new(),
                    }],
                    modes: vec![
                        Mode {
                            id: "x".repeat(1000),
                            name: text("too long"),
                            description: String::new(),
                        },
                        Mode {
                            id: text("plan"),
                            name: text("Plan"),
                            description: String::new(),
                        },
                    ],
                    auth_methods: vec![AuthMethod {
                        id: text("key"),
                        name: text("Key"),
                        description: String::new(),
                    }],
                    prompt: ready.then_some(PromptCapabilities {
                        image: true,
                        ..PromptCapabilities::default()
                    }),
                }),
            }
        })
    }
}

fn agents(fake: &Arc<Fake>) -> (Agents, watch::Receiver<Arc<AgentList>>) {
    let agents = Agents::new(["fake".to_owned()]);
    let changes = agents.changes();
    agents.begin("fake", fake.clone());
    (agents, changes)
}

async fn state(changes: &mut watch::Receiver<Arc<AgentList>>) -> String {
    changes.changed().await.unwrap();
    changes.borrow_and_update().agents[0].state.clone()
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_looked_for_once_its_plugin_is_there_and_changes_are_told() {
    let fake = Fake::new(Readiness::NotLoggedIn, 9);
    let (agents, mut changes) = agents(&fake);
    assert_eq!(state(&mut changes).await, "checking");
    assert_eq!(state(&mut changes).await, "not-logged-in");
    let shown = agents.get("fake").unwrap();
    assert!(!shown.ready && shown.tiers.is_empty() && shown.modes.is_empty());
    assert_eq!(shown.auth_methods[0].id, "key", "there is a way to mend it");
    assert_eq!(shown.fix.as_deref(), Some("fake login"));
    assert_eq!(shown.detail.as_deref(), Some("found not-logged-in"));

    fake.becomes(Readiness::Ready);
    advance(NOT_READY).await;
    assert_eq!(state(&mut changes).await, "ready");
    let shown = agents.get("fake").unwrap();
    assert!(shown.ready && shown.local && shown.fix.is_none());
    assert_eq!(shown.tiers[0].tier, "fast");
    let modes: Vec<_> = shown.modes.iter().map(|mode| mode.id.as_str()).collect();
    assert_eq!(modes, ["plan"], "an id of any length is not shown");
}

#[tokio::test(start_paused = true)]
async fn what_prompts_may_hold_is_as_the_agent_says_once_it_was_asked() {
    let fake = Fake::new(Readiness::NotLoggedIn, 9);
    let (agents, mut changes) = agents(&fake);
    let said = || {
        let said = agents.get("fake").unwrap().prompt_capabilities;
        said.map(|said| (said.image, said.audio))
    };
    assert_eq!(said(), None);
    state(&mut changes).await;
    assert_eq!(state(&mut changes).await, "not-logged-in");
    assert_eq!(said(), Some((false, true)), "as its plugin says");
    for readiness in [Readiness::Ready, Readiness::Missing] {
        fake.becomes(readiness);
        advance(NOT_READY.max(READY)).await;
        state(&mut changes).await;
        assert_eq!(said(), Some((true, false)), "as it says itself");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_found_again_as_it_was_is_not_told() {
    let fake = Fake::new(Readiness::Ready, 9);
    let (_agents, mut changes) = agents(&fake);
    state(&mut changes).await;
    assert_eq!(state(&mut changes).await, "ready");
    tokio::time::sleep(3 * READY + PAUSE).await;
    assert_eq!(fake.looks(), 4);
    assert!(!changes.has_changed().unwrap());
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_it_waits_for_a_look_of_its_own_and_many_share_one() {
    let fake = Fake::new(Readiness::Missing, 1);
    let (agents, mut changes) = agents(&fake);
    state(&mut changes).await;
    assert_eq!(state(&mut changes).await, "missing");
    advance(PAUSE).await;

    fake.becomes(Readiness::Ready);
    let asking = || {
        let agents = agents.clone();
        tokio::spawn(async move { agents.refresh().await.agents[0].state.clone() })
    };
    let (first, second) = (asking(), asking());
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert!(!first.is_finished() && !second.is_finished());
    fake.may.add_permits(9);
    assert_eq!(first.await.unwrap(), "ready");
    assert_eq!(second.await.unwrap(), "ready");
    assert!(fake.looks() <= 3, "{} looks", fake.looks());

    // And nobody keeps the machine busy.
    let before = fake.looks();
    for _ in 0..100 {
        agents.refresh().await;
    }
    assert!(fake.looks() <= before + 1, "{} looks", fake.looks());
}

#[tokio::test(start_paused = true)]
async fn a_look_that_never_ends_keeps_nobody_waiting_for_ever() {
    let fake = Fake::new(Readiness::Ready, 0);
    let (agents, _changes) = agents(&fake);
    assert_eq!(agents.refresh().await.agents[0].state, "checking");
}

#[tokio::test(start_paused = true)]
async fn what_an_older_plugin_finds_does_not_count() {
    let (old, new) = (
        Fake::new(Readiness::Ready, 0),
        Fake::new(Readiness::Missing, 9),
    );
    let (agents, _changes) = agents(&old);
    tokio::task::yield_now().await;
    agents.begin("fake", new);
    old.may.add_permits(9);
    assert_eq!(agents.refresh().await.agents[0].state, "missing");
}

#[tokio::test]
async fn one_that_cannot_be_loaded_says_why_and_one_that_is_no_agent_is_gone() {
    let agents = Agents::new(["a".to_owned(), "b".to_owned()]);
    let mut changes = agents.changes();
    agents.unusable("a", "unexpected\u{1b}[2J end");
    agents.remove("b");
    changes.changed().await.unwrap();
    let shown = agents.shown();
    assert_eq!(shown.agents.len(), 1);
    assert_eq!(shown.agents[0].state, "unusable");
    assert_eq!(
        shown.agents[0].detail.as_deref(),
        Some("unexpected [2J end")
    );
    let frame: serde_json::Value = serde_json::from_slice(&shown.frame).unwrap();
    assert_eq!(frame["method"], "_hostler/agents");
    assert_eq!(frame["params"]["agents"][0]["id"], "a");
}
