//! What the operator sets, and that benches are apart.

use hostler_sdk::testing::Bench;
use hostler_sdk::{
    Description, Event, Harness, OpenParams, Origin, Prompt, RequestId, Result, Status, config,
};
use serde_json::json;

use crate::puppet::{Puppet, open};

#[test]
fn benches_on_one_thread_do_not_see_each_other() {
    let mut one = open();
    let mut other = open();
    one.prompt("remember");
    assert_eq!(other.checkpoint(), None);
    other.prompt("ask 1");
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
        fn open(_: RequestId, _: OpenParams, _: Origin) -> Result<Self> {
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
