//! Decisions that last, and the mode in which Codex changes its folder unasked,
//! by the real Codex.

use std::path::Path;

use hostler_e2e::{Client, Decision, Host};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::codex::{
    ALLOW, ECHO, MCP_NEEDS, NEEDS, Setup, asked, careful, mcp_server, setup, setup_with,
};

/// The option that outlasts the session.
const FOR_EVER: Decision = Decision::Pick("allow_always");

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "codex_never_asks_again_for_what_begins_like_an_allowed_command",
            NEEDS,
            amendment,
        ),
        trial(
            "codex_never_asks_again_for_a_tool_that_is_always_allowed",
            MCP_NEEDS,
            tool,
        ),
        trial(
            "codex_in_agent_mode_asks_for_what_lies_outside_its_folder",
            NEEDS,
            outside,
        ),
        trial(
            "codex_in_agent_mode_asks_to_leave_the_sandbox_that_refused",
            NEEDS,
            escalated,
        ),
    ]
}

async fn amendment() {
    let Setup { host, .. } = &setup().await;
    let file = host.work().join("made.txt");
    Client::run(host, FOR_EVER, async |client| {
        for times_asked in [1, 1] {
            let session = careful(&client, host).await;
            client
                .prompt(&session, "[[bash touch made.txt]]")
                .await
                .unwrap();
            std::fs::remove_file(&file).unwrap();
            assert_eq!(asked(&client).len(), times_asked);
        }
        let options = asked(&client)[0]["options"].to_string();
        assert!(options.contains("Always allow what begins with `touch made.txt`"));
    })
    .await;
    // What begins otherwise is still asked about.
    Client::run(host, ALLOW, async |client| {
        let session = careful(&client, host).await;
        client
            .prompt(&session, "[[bash touch other.txt]]")
            .await
            .unwrap();
        assert_eq!(asked(&client).len(), 1);
    })
    .await;
}

async fn tool() {
    let Setup { host, .. } = &setup().await;
    mcp_server(host, "echo", "python3", &[ECHO]);
    Client::run(host, FOR_EVER, async |client| {
        for call in 1..=2 {
            let session = careful(&client, host).await;
            let prompt = r#"[[call mcp__echo/echo {"text":"ping"}]]"#;
            client.prompt(&session, prompt).await.unwrap();
            let done = client.tool_calls().into_iter();
            let done = done.filter(|id| client.tool_call(id)["status"] == "completed");
            assert_eq!((done.count(), asked(&client).len()), (call, 1));
        }
    })
    .await;
}

/// A folder that the sandbox does not let Codex write to: what lies in the
/// folder for temporary files would be free.
fn elsewhere() -> tempfile::TempDir {
    tempfile::tempdir_in("/var/tmp").unwrap()
}

async fn in_agent_mode(host: &Host, prompts: &[String]) -> (Vec<Value>, Vec<Value>) {
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        client.choose(&session, "mode", "agent").await;
        for prompt in prompts {
            client.prompt(&session, prompt).await.unwrap();
        }
        let calls = client.tool_calls().into_iter();
        let calls = calls.map(|id| client.tool_call(&id)).collect();
        (asked(&client), calls)
    })
    .await
}

fn made(folder: &Path) -> bool {
    folder.join("made.txt").exists()
}

async fn outside() {
    let Setup { host, .. } = &setup_with("never", "read-only").await;
    let folder = elsewhere();
    let path = folder.path().join("made.txt");
    let inside = "[[write made.txt|inside]]".to_owned();
    let (asked, calls) = in_agent_mode(host, &[inside]).await;
    assert_eq!((asked.len(), calls.len()), (0, 1), "{asked:#?}");
    assert!(made(&host.work()));
    let outside = format!("[[write {}|outside]]", path.display());
    let (asked, calls) = in_agent_mode(host, &[outside]).await;
    assert_eq!((asked.len(), calls.len()), (1, 1), "{asked:#?}");
    assert!(asked[0].to_string().contains("outside"));
    assert!(made(folder.path()));
}

async fn escalated() {
    let Setup { host, .. } = &setup_with("never", "read-only").await;
    let folder = elsewhere();
    let command = format!("touch {}", folder.path().join("made.txt").display());
    let refused = format!("[[bash {command}]]");
    let (asked, calls) = in_agent_mode(host, &[refused]).await;
    assert_eq!((asked.len(), calls.len()), (0, 1), "{asked:#?}");
    assert_eq!(calls[0]["status"], "failed", "{calls:#?}");
    assert!(!made(folder.path()));
    let again = format!(
        "[[call exec_command {{\"cmd\":\"{command}\",\
         \"sandbox_permissions\":\"require_escalated\",\"justification\":\"It lies outside.\"}}]]"
    );
    let (asked, calls) = in_agent_mode(host, &[again]).await;
    assert_eq!(asked.len(), 1, "{calls:#?}");
    assert!(
        asked[0].to_string().contains("It lies outside."),
        "{asked:#?}"
    );
    assert_eq!(calls[0]["status"], "completed", "{calls:#?}");
    assert!(made(folder.path()));
}
