//! The stand-in for the host keeps the contract's rules.

use std::time::Duration;

use hostler_sdk::process::{Command, Exit, Output};
use hostler_sdk::testing::{Bench, Effect, with_host};
use hostler_sdk::{
    Description, Error, Event, Failure, Harness, OpenParams, Prompt, PromptCapabilities, RequestId,
    Result, Status, acp, client, clock, config, random, timer,
};
use serde_json::{Value, json};

/// Does what the prompt names and returns what the host said to it.
struct Puppet {
    resumed: Option<Vec<u8>>,
}

impl Harness for Puppet {
    fn describe() -> Description {
        Description {
            title: "Puppet".to_owned(),
            version: "1".to_owned(),
            prompt: PromptCapabilities::default(),
        }
    }

    fn probe() -> Result<Status> {
        let output = Command::new("tool")
            .arg("--version")
            .run(Duration::from_secs(1))?;
        Ok(Status::ready("found").version(output.stdout))
    }

    fn open(request: RequestId, _: OpenParams, resume: Option<Vec<u8>>) -> Result<Self> {
        client::opened(request, &client::Opened::default())?;
        Ok(Self { resumed: resume })
    }

    fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result {
        match &*prompt.text()? {
            "answer twice" => {
                client::end_turn(request, acp::StopReason::EndTurn)?;
                client::end_turn(request, acp::StopReason::EndTurn)
            }
            "bad data" => client::fail(request, Failure::internal("x").with_data("not JSON")),
            "ask" => client::ask(7, "fs/read_text_file", &json!({"path": "/a"})),
            "permission" => client::request_permission(
                8,
                &acp::ToolCallUpdate::new("call", acp::ToolCallUpdateFields::new()),
                &[],
            ),
            "no object" => client::update(&json!([1])),
            "no json" => client::update_raw("{"),
            "run" => Command::new("tool").run(Duration::from_secs(1)).map(drop),
            "big" => client::checkpoint(&[0; 65_537]),
            "remember" => client::checkpoint(b"state"),
            "timers" => (0..65).try_for_each(|id| timer::set(id, Duration::from_secs(1))),
            "spawn" => Command::new("tool").spawn().map(drop),
            "time" => client::message(format!("{:?}", clock::monotonic()?)),
            "resumed" => client::message(format!("{:?}", self.resumed)),
            other => Err(Error::Invalid(other.to_owned())),
        }
    }

    fn cancel(&mut self) -> Result {
        client::message("cancel")
    }

    fn on_event(&mut self, event: Event) -> Result {
        client::message(format!("{event:?}"))
    }
}

fn open() -> Bench<Puppet> {
    let mut bench = Bench::new();
    assert_eq!(bench.open().answer(), Ok(json!({})));
    bench
}

#[test]
fn a_second_answer_is_refused() {
    let effects = open().prompt("answer twice");
    assert_eq!(effects.answers().len(), 1);
    assert!(matches!(effects.failed(), Some(Error::NotFound(_))));
}

#[test]
fn a_failures_data_is_json() {
    let effects = open().prompt("bad data");
    assert!(matches!(effects.failed(), Some(Error::Invalid(_))));
    assert!(effects.answers().is_empty());
}

#[test]
fn an_ask_that_is_open_cannot_be_asked_again() {
    let mut bench = open();
    assert_eq!(bench.prompt("ask").failed(), None);
    assert!(matches!(
        bench.prompt("ask").failed(),
        Some(Error::Invalid(_))
    ));
    bench.answered(7, &json!({"content": ""}));
    assert_eq!(bench.prompt("ask").failed(), None);
}

#[test]
fn a_denied_method_or_program_is_a_value() {
    let mut bench = Bench::<Puppet>::new()
        .deny("fs/read_text_file")
        .deny("tool");
    bench.open();
    assert!(matches!(
        bench.prompt("ask").failed(),
        Some(Error::Denied(_))
    ));
    assert!(matches!(
        bench.prompt("spawn").failed(),
        Some(Error::Denied(_))
    ));
}

#[test]
fn an_update_is_one_json_object() {
    let mut bench = open();
    for prompt in ["no object", "no json"] {
        let effects = bench.prompt(prompt);
        assert!(
            matches!(effects.failed(), Some(Error::Invalid(_))),
            "{prompt}"
        );
        assert!(effects.updates().is_empty(), "{prompt}");
    }
}

#[test]
fn programs_run_in_a_probe_alone() {
    let mut bench = Bench::<Puppet>::new().program(
        &["tool", "--version"],
        Ok(Output {
            exit: Exit::code(0),
            stdout: "2.1".to_owned(),
            stderr: String::new(),
        }),
    );
    assert_eq!(bench.probe().unwrap().version.as_deref(), Some("2.1"));
    bench.open();
    assert!(matches!(
        bench.prompt("run").failed(),
        Some(Error::Denied(_))
    ));
}

#[test]
fn a_program_that_is_not_there_is_not_found() {
    let outcome = Bench::<Puppet>::new().probe();
    assert!(matches!(outcome, Err(Error::NotFound(_))));
}

#[test]
fn a_checkpoint_is_kept_and_bounded() {
    let mut bench = open();
    bench.prompt("remember");
    assert!(matches!(
        bench.prompt("big").failed(),
        Some(Error::Limit(_))
    ));
    assert_eq!(bench.checkpoint(), Some(&b"state"[..]));

    let mut fresh = Bench::<Puppet>::new();
    fresh.open_with(OpenParams::default(), Some(b"state"));
    assert!(fresh.prompt("resumed").text().starts_with("Some("));
}

#[test]
fn sixty_four_timers_are_pending_at_most() {
    let mut bench = open();
    assert!(matches!(
        bench.prompt("timers").failed(),
        Some(Error::Limit(_))
    ));
    assert_eq!(bench.timers().len(), 64);
    bench.timer(0);
    assert!(!bench.timers().contains(&0));
}

#[test]
fn a_cancel_answers_open_permissions_first() {
    let mut bench = open();
    bench.prompt("permission");
    let effects = bench.cancel();
    let texts: Vec<Value> = effects
        .updates()
        .iter()
        .map(|update| update["content"]["text"].clone())
        .collect();
    assert!(texts[0].as_str().unwrap().contains("cancelled"));
    assert_eq!(texts[1], "cancel");
    assert!(bench.open_asks().is_empty());
}

#[test]
fn a_method_that_the_adapter_does_not_know_is_not_found() {
    let failure = open()
        .call("session/set_mode", &json!({}))
        .answer()
        .unwrap_err();
    assert_eq!(failure.code, Failure::METHOD_NOT_FOUND);
    assert!(failure.message.contains("session/set_mode"));
}

#[test]
fn the_clock_moves_only_when_it_is_told_to() {
    let mut bench = open();
    let before = bench.prompt("time").text();
    assert_eq!(bench.prompt("time").text(), before);
    bench.advance(Duration::from_secs(5));
    assert_ne!(bench.prompt("time").text(), before);
}

#[test]
fn benches_on_one_thread_do_not_see_each_other() {
    let mut one = open();
    let mut other = open();
    one.prompt("remember");
    assert_eq!(other.checkpoint(), None);
    other.prompt("ask");
    assert!(one.open_asks().is_empty());
}

#[test]
fn a_misspelt_setting_is_an_error_that_names_it() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        #[expect(dead_code, reason = "only its absence matters")]
        command: Option<String>,
    }
    struct Picky;
    impl Harness for Picky {
        fn describe() -> Description {
            Puppet::describe()
        }
        fn probe() -> Result<Status> {
            config::get::<Settings>().map(|_| Status::ready("fine"))
        }
        fn open(_: RequestId, _: OpenParams, _: Option<Vec<u8>>) -> Result<Self> {
            Ok(Self)
        }
        fn prompt(&mut self, _: RequestId, _: Prompt) -> Result {
            Ok(())
        }
        fn cancel(&mut self) -> Result {
            Ok(())
        }
        fn on_event(&mut self, _: Event) -> Result {
            Ok(())
        }
    }
    assert!(Bench::<Picky>::new().probe().is_ok());
    let error = Bench::<Picky>::new()
        .config(json!({"comand": "x"}))
        .probe()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("comand") && error.contains("[plugins.ID.config]"),
        "{error}"
    );
}

#[test]
fn raw_updates_keep_their_bytes() {
    let raw = r#"{"sessionUpdate":"x","n":1e2,"n2":12345678901234567890123}"#;
    let (outcome, effects) = with_host(|| client::update_raw(raw));
    assert_eq!(outcome, Ok(()));
    assert_eq!(effects[..], [Effect::Update(raw.to_owned())]);
}

#[test]
fn random_bytes_are_bounded() {
    let (outcome, _) = with_host(|| random::bytes(4097));
    assert!(matches!(outcome, Err(Error::Limit(_))));
}

#[test]
fn the_chosen_option_is_read_and_everything_else_is_none() {
    let chosen = |json: &str| client::selected(&Ok(json.to_owned())).map(|id| id.to_string());
    assert_eq!(
        chosen(r#"{"outcome":{"outcome":"selected","optionId":"allow"}}"#).as_deref(),
        Some("allow")
    );
    assert_eq!(chosen(r#"{"outcome":{"outcome":"cancelled"}}"#), None);
    assert_eq!(chosen("nonsense"), None);
    assert_eq!(client::selected(&Err(Failure::internal("lost"))), None);
}
