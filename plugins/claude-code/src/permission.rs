//! Asking people before a tool runs.

use hostler_sdk::{Failure, Pending, Result, acp, client, log};
use serde_json::value::RawValue;

use crate::{
    calls::{By, Calls},
    cli::Cli,
    control::ControlRequest,
    outgoing::{self, Decision},
    questions::{self, Questions},
    suggestions::consequences,
    tools::EXIT_PLAN_MODE,
};

/// How many asks may be open: more at once no person can answer.
const MAX_OPEN: usize = 64;

/// What the model is told when the host could not ask.
const UNASKABLE: &str = "Nobody can be asked for permission.";

/// What people may allow for longer when the plan mode is left.
const ACCEPT_EDITS: &str = r#"[{"type":"setMode","mode":"acceptEdits","destination":"session"}]"#;

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
    /// The model asks something, and does not want a permission.
    questions: Option<Questions>,
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
        let questions = match &*tool {
            questions::TOOL => match Questions::new(input) {
                None => return refuse(cli, "Ask this in your answer: the user will reply there."),
                questions => questions,
            },
            _ => None,
        };
        if self.0.len() == MAX_OPEN {
            return refuse(cli, "Too many permissions are being asked for at once.");
        }
        let by = match ask.agent_id {
            Some(_) => By::SubAgent(None),
            None => By::Main,
        };
        let shown = calls.know(tool_use_id.clone(), tool.clone(), input, by);
        let (call, options) = match &questions {
            Some(questions) => (questions.call(&tool_use_id), questions.options()),
            None => {
                let shown_input = calls.kept_input(&tool_use_id).unwrap_or(input);
                let mut preview = calls.preview(&tool, shown_input);
                if let Some(path) = &ask.blocked_path {
                    preview.locate(path);
                }
                let fields = preview.fields().name(tool.as_str());
                let fields = fields.status(acp::ToolCallStatus::Pending);
                let call = acp::ToolCallUpdate::new(tool_use_id.clone(), fields);
                let call = call.meta(calls.meta(&tool_use_id));
                (call, options(&tool, ask.permission_suggestions))
            }
        };
        let ask = Ask {
            request_id: line.request_id.clone(),
            tool_use_id: tool_use_id.clone(),
            input: input.to_owned(),
            suggestions: match &*tool {
                EXIT_PLAN_MODE => RawValue::from_string(ACCEPT_EDITS.into()).ok(),
                _ => ask.permission_suggestions.map(ToOwned::to_owned),
            },
            questions,
        };
        match self.put(ask, &call, &options) {
            true => shown,
            false => shown.and(refuse(cli, UNASKABLE)),
        }
    }

    /// Asks the people; says whether that is possible.
    fn put(
        &mut self,
        ask: Ask,
        call: &acp::ToolCallUpdate,
        options: &[acp::PermissionOption],
    ) -> bool {
        let id = self.0.insert(ask);
        let asked = client::request_permission(id, call, options);
        if let Err(error) = &asked {
            self.0.take(id);
            log::error(format_args!("nobody can be asked for permission: {error}"));
        }
        asked.is_ok()
    }

    /// Somebody answered, or the ask was cancelled: then the turn ends.
    pub(crate) fn answered(
        &mut self,
        id: u64,
        outcome: &Result<String, Failure>,
        calls: &mut Calls,
        cli: Option<&mut Cli>,
    ) -> Result {
        let (Some(mut ask), Some(cli)) = (self.0.take(id), cli) else {
            return Ok(()); // Claude Code took it back, or is gone.
        };
        let choice = client::selected(outcome);
        if let (Some(option), Some(asked)) = (&choice, ask.questions.take()) {
            return self.question_answered(ask, asked, &option.0, calls, cli);
        }
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

    /// The next question, or all answers for the model.
    fn question_answered(
        &mut self,
        mut ask: Ask,
        asked: Questions,
        option: &str,
        calls: &mut Calls,
        cli: &mut Cli,
    ) -> Result {
        let request_id = ask.request_id.clone();
        let tool_use_id = ask.tool_use_id.clone();
        let input = match asked.answered(option) {
            Ok(asked) => {
                let (call, options) = (asked.call(&tool_use_id), asked.options());
                ask.questions = Some(asked);
                if self.put(ask, &call, &options) {
                    return Ok(());
                }
                let decision = Decision::Deny {
                    message: UNASKABLE,
                    tool_use_id: &tool_use_id,
                    interrupt: false,
                };
                return cli.write(&outgoing::decision(&request_id, decision));
            }
            Err(input) => input,
        };
        let decision = Decision::Allow {
            updated_input: &input,
            tool_use_id: &tool_use_id,
            updated_permissions: None,
        };
        cli.write(&outgoing::decision(&request_id, decision))?;
        calls.running(&tool_use_id)
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
    let always = match tool {
        EXIT_PLAN_MODE => Some("Yes, and accept all edits in this session".to_owned()),
        _ => suggestions.and_then(|suggestions| consequences(tool, suggestions)),
    };
    let always =
        always.map(|name| acp::PermissionOption::new(ALLOW_ALWAYS, name, Kind::AllowAlways));
    let (yes, no) = match tool {
        EXIT_PLAN_MODE => ("Yes, go ahead", "No, keep planning"),
        _ => ("Allow", "Reject"),
    };
    let once = acp::PermissionOption::new(ALLOW_ONCE, yes, Kind::AllowOnce);
    let reject = acp::PermissionOption::new(REJECT_ONCE, no, Kind::RejectOnce);
    [Some(once), always, Some(reject)]
        .into_iter()
        .flatten()
        .collect()
}
