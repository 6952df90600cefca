//! Codex's own plan mode, in which the model asks; what a conversation that goes
//! on says; and thoughts over a break.

use hostler_e2e::{Client, Decision};
use hostler_test_support::trial;
use libtest_mimic::Trial;

use crate::{
    codex::{NEEDS, Setup, asked, setup, setup_of, setup_with},
    codex_code::MODEL,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "codex_asks_in_plan_mode_and_gets_the_answer",
            NEEDS,
            question,
        ),
        trial(
            "codex_that_goes_on_says_what_it_does_not_show",
            NEEDS,
            goes_on,
        ),
        trial("codex_thinks_nothing_twice_over_a_break", NEEDS, thoughts),
    ]
}

const QUESTION: &str = r#"[[call request_user_input {"questions":[{"id":"color","header":"Color",
    "question":"Which color?","options":[{"label":"Red","description":"Warm"},
    {"label":"Blue","description":"Cold"}]}]}]]"#;

async fn question() {
    let Setup { host, model } = &setup_of(MODEL, "", "on-request", "read-only").await;
    Client::run(host, Decision::Pick("option_1"), async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        client.choose(&session, "mode", "plan").await;
        let prompt = format!("{QUESTION}[[text <proposed_plan>\n# Paint it\n</proposed_plan>]]");
        client.prompt(&session, &prompt).await.unwrap();
        let [question] = asked(&client).try_into().unwrap();
        assert_eq!(question["toolCall"]["title"], "Color: Which color?");
        let requests = model.requests();
        let told = |request: &str| {
            let request = request.to_owned();
            requests
                .iter()
                .any(|it| it.body.to_string().contains(&request))
        };
        assert!(told(
            r#"{\"answers\":{\"color\":{\"answers\":[\"Blue\"]}}}"#
        ));
        assert!(client.text("agent_message_chunk").contains("Paint it"));
        // In another mode nobody is asked, and the model hears why.
        client.choose(&session, "mode", "read-only").await;
        client.prompt(&session, QUESTION).await.unwrap();
        assert_eq!(asked(&client).len(), 1);
        let last = model.requests().pop().unwrap().body.to_string();
        assert!(last.contains("unavailable in Default mode"), "{last}");
    })
    .await;
}

async fn goes_on() {
    let Setup { mut host, model } = setup_with("never", "read-only").await;
    let session = Client::run(&host, Decision::Wait, async |client| {
        let session = client.new_session(&host, "codex").await.unwrap().session_id;
        client.prompt(&session, "[[text one]]").await.unwrap();
        let said = client.seen();
        assert!(
            !said
                .iter()
                .any(|m| m.to_string().contains("its sandbox refuses"))
        );
        session
    })
    .await;
    host.crash_and_restart();
    Client::run(&host, Decision::Wait, async |client| {
        client.load(&host, &session).await;
        client.prompt(&session, "[[text two]]").await.unwrap();
        let says = |m: &serde_json::Value| m.to_string().contains("its sandbox refuses");
        client.wait_for("a notice", says).await;
    })
    .await;
    drop(model);
}

async fn thoughts() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let prompt = "[[think about the weather]][[text It is sunny]][[drop]][[text  and warm.]]";
        client.prompt(&session, prompt).await.unwrap();
        assert_eq!(client.text("agent_thought_chunk"), "about the weather");
        // The notice of the break stands between.
        let said = client.text("agent_message_chunk");
        assert!(said.starts_with("It is sunny[hostler]"), "{said}");
        assert!(said.ends_with(" and warm."), "{said}");
        assert_eq!(said.matches("It is sunny").count(), 1, "{said}");
    })
    .await;
}
