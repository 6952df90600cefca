//! Asking people before a tool runs.

use hostler_sdk::{Failure, Pending, Result, acp, client, log};
use serde_json::value::RawValue;

use crate::{
    calls::Calls,
    cli::Cli,
    control::ControlRequest,
    outgoing::{self, Decision},
    suggestions::consequences,
};

/// How many asks may be open: more at once no person can answer.
const MAX_OPEN: usize = 64;

/// The tool by which the model asks a question of its own; it needs an answer,
/// not a permission.
const QUESTION: &str = "AskUserQuestion";

/// What the model is told when the host could not ask.
const UNASKABLE: &str = "Nobody can be asked for permission.";

const ALLOW_ONCE: &str = "allow_once";
const ALLOW_ALWAYS: &str = "allow_always";
const REJECT_ONCE: &str = "reject_once";

/// The asks that are open.
#[derive(Debug, Default)]
pub(crate) struct Asks(Pending<Ask>);

#[derive(Debug)]
struct Ask {
    request_id: String,
    tool_use_id: String,
    input: Box<RawValue>,
    suggestions: Option<Box<RawValue>>,
}

impl Asks {
    /// Claude Code wants something. Requests other than `can_use_tool` are
    /// refused, because an unanswered one would stop it.
    pub(crate) fn ask(
        &mut self,
        line: ControlRequest<'_>,
        calls: &mut Calls,
        cli: &mut Cli,
    ) -> Result {
        let ask = line.request;
        let (Some(tool), Some(tool_use_id), Some(input)) =
            (ask.tool_name, ask.tool_use_id, ask.input)
        else {
            log::warn(format_args!("refused a request: {}", ask.subtype));
            let error = format!("this client does not support {}", ask.subtype);
            return cli.write(&outgoing::refusal(&line.request_id, &error));
        };
        let refuse = |cli: &mut Cli, message| {
            let decision = Decision::Deny {
                message,
                tool_use_id: &tool_use_id,
                interrupt: false,
            };
            cli.write(&outgoing::decision(&line.request_id, decision))
        };
        if tool == QUESTION {
            return refuse(cli, "Ask this in your answer: the user will reply there.");
        }
        if self.0.len() == MAX_OPEN {
            return refuse(cli, "Too many permissions are being asked for at once.");
        }
        let background = ask.agent_id.is_some();
        let shown = calls.know(tool_use_id.clone(), tool.clone(), input, background);
        let mut preview = calls.preview(&tool, input);
        if let Some(path) = &ask.blocked_path {
            preview.locate(path);
        }
        let fields = preview.fields().name(tool.as_str());
        let fields = fields.status(acp::ToolCallStatus::Pending);
        let call = acp::ToolCallUpdate::new(tool_use_id.clone(), fields);
        let options = options(&tool, ask.permission_suggestions);
        let id = self.0.insert(Ask {
            request_id: line.request_id.clone(),
            tool_use_id: tool_use_id.clone(),
            input: input.to_owned(),
            suggestions: ask.permission_suggestions.map(ToOwned::to_owned),
        });
        let Err(error) = client::request_permission(id, &call, &options) else {
            return shown;
        };
        self.0.take(id);
        log::error(format_args!("nobody can be asked for permission: {error}"));
        shown.and(refuse(cli, UNASKABLE))
    }

    /// Somebody answered, or the ask was cancelled: then the turn ends.
    pub(crate) fn answered(
        &mut self,
        id: u64,
        outcome: &Result<String, Failure>,
        calls: &Calls,
        cli: Option<&mut Cli>,
    ) -> Result {
        let (Some(ask), Some(cli)) = (self.0.take(id), cli) else {
            return Ok(()); // Claude Code took it back, or is gone.
        };
        let choice = client::selected(outcome);
        let tool_use_id = ask.tool_use_id.as_str();
        let allow = |updated_permissions| Decision::Allow {
            updated_input: &ask.input,
            tool_use_id,
            updated_permissions,
        };
        let deny = |message, interrupt| Decision::Deny {
            message,
            tool_use_id,
            interrupt,
        };
        let decision = match (choice.as_ref().map(|choice| &*choice.0), outcome) {
            (Some(ALLOW_ONCE), _) => allow(None),
            (Some(ALLOW_ALWAYS), _) => allow(ask.suggestions.as_deref()),
            (Some(_), _) => deny("The user does not want this tool to run.", false),
            (None, Ok(_)) => deny("The user cancelled.", true),
            (None, Err(failure)) => {
                log::error(format_args!("asking for permission failed: {failure}"));
                deny(UNASKABLE, false)
            }
        };
        let allowed = matches!(decision, Decision::Allow { .. });
        cli.write(&outgoing::decision(&ask.request_id, decision))?;
        if allowed {
            calls.running(tool_use_id)?;
        }
        Ok(())
    }

    /// Claude Code no longer wants the answer to its request.
    pub(crate) fn withdraw(&mut self, request_id: &str) -> Result {
        match self.0.find(|ask| ask.request_id == request_id) {
            Some(id) => {
                self.0.take(id);
                client::withdraw(id)
            }
            None => Ok(()),
        }
    }

    /// Claude Code is gone, and with it whoever asked.
    pub(crate) fn withdraw_all(&mut self) -> Result {
        let withdrawn = self.0.drain().map(|(id, _)| client::withdraw(id));
        withdrawn.fold(Ok(()), Result::and)
    }
}

/// A lasting permission is offered only when Claude Code says what it would be.
fn options(tool: &str, suggestions: Option<&RawValue>) -> Vec<acp::PermissionOption> {
    use acp::PermissionOptionKind as Kind;
    let always = suggestions
        .and_then(|suggestions| consequences(tool, suggestions))
        .map(|name| acp::PermissionOption::new(ALLOW_ALWAYS, name, Kind::AllowAlways));
    let once = acp::PermissionOption::new(ALLOW_ONCE, "Allow", Kind::AllowOnce);
    let reject = acp::PermissionOption::new(REJECT_ONCE, "Reject", Kind::RejectOnce);
    [Some(once), always, Some(reject)]
        .into_iter()
        .flatten()
        .collect()
}
