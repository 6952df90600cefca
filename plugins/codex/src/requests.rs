//! What Codex asks before it acts: commands, file changes and wider permissions,
//! each with every decision that it takes.

use hostler_sdk::acp::{self, PermissionOptionKind as Kind};
use hostler_sdk::text::{fenced, one_line};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{calls::Calls, commands, items::text, questions::Questions};

/// What people are asked, and what Codex gets for each of their answers.
#[derive(Debug)]
pub(crate) struct Form {
    pub call: acp::ToolCallUpdate,
    /// Without any, those are asked who can fill in the form, or nobody.
    pub options: Vec<Choice>,
    /// The params of `elicitation/create`, of what needs words.
    pub words: Option<Value>,
    /// The answer when people cancel: the turn ends.
    pub cancelled: Value,
    /// The answer when nobody can be asked: the turn goes on.
    pub unasked: Value,
    /// The call is no item of Codex: it is shown and ended here.
    pub announce: bool,
    /// Why nobody is asked, when people should know.
    pub unaskable: Option<String>,
    /// More questions come after this one.
    pub questions: Option<Questions>,
}

/// One option.
#[derive(Debug)]
pub(crate) struct Choice {
    pub id: String,
    pub name: String,
    pub kind: Kind,
    pub answer: Value,
}

impl Choice {
    pub(crate) fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        kind: Kind,
        answer: Value,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            kind,
            answer,
        }
    }
}

fn decision(decision: impl Into<Value>) -> Value {
    json!({"decision": decision.into()})
}

/// The decisions that commands and file changes share, with `more` among them.
fn decisions(call: acp::ToolCallUpdate, session: String, more: Vec<Choice>) -> Form {
    let mut options = vec![
        Choice::new("allow_once", "Allow", Kind::AllowOnce, decision("accept")),
        Choice::new(
            "allow_session",
            session,
            Kind::AllowAlways,
            decision("acceptForSession"),
        ),
    ];
    options.extend(more);
    options.push(Choice::new(
        "reject_once",
        "Reject",
        Kind::RejectOnce,
        decision("decline"),
    ));
    options.push(Choice::new(
        "stop",
        "Reject and stop",
        Kind::RejectOnce,
        decision("cancel"),
    ));
    Form {
        call,
        options,
        cancelled: decision("cancel"),
        unasked: decision("decline"),
        words: None,
        announce: false,
        unaskable: None,
        questions: None,
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommandApproval {
    item_id: String,
    kind: Option<String>,
    reason: Option<String>,
    command: Option<String>,
    cwd: Option<String>,
    network_approval_context: Option<Network>,
    #[serde(default)]
    additional_permissions: Value,
    proposed_execpolicy_amendment: Option<Vec<String>>,
    proposed_network_policy_amendments: Option<Vec<NetworkRule>>,
}

#[derive(Debug, Deserialize)]
struct Network {
    host: String,
}

#[derive(Debug, Deserialize)]
struct NetworkRule {
    host: String,
    action: String,
}

/// `item/commandExecution/requestApproval`.
pub(crate) fn command(params: &str, calls: &Calls) -> serde_json::Result<Form> {
    let ask: CommandApproval = serde_json::from_str(params)?;
    let line = ask.command.as_deref().map(commands::script);
    let mut content: Vec<_> = ask.reason.as_deref().map(text).into_iter().collect();
    let host = ask.network_approval_context.map(|network| network.host);
    content.extend(
        host.as_ref()
            .map(|host| text(format!("It wants to reach {host}."))),
    );
    if !ask.additional_permissions.is_null() {
        let wanted = fenced("json", &ask.additional_permissions.to_string());
        content.push(text(format!("It wants further permissions:\n{wanted}")));
    }
    let verb = match ask.kind.as_deref() {
        Some("writeStdin") => "Type into a running command: ",
        _ => "",
    };
    // Nobody should allow a command that they have seen half of.
    content.extend(line.as_deref().map(|line| text(fenced("sh", line))));
    let title = match (&line, &host) {
        (Some(line), _) => one_line(&format!("{verb}{line}")),
        (None, Some(host)) => format!("Reach {host}"),
        (None, None) => calls
            .view(&ask.item_id)
            .map_or_else(|| "Run a command".into(), |view| view.title.clone()),
    };
    let fields = acp::ToolCallUpdateFields::new()
        .kind(acp::ToolKind::Execute)
        .status(acp::ToolCallStatus::Pending)
        .title(title)
        .content(content)
        .raw_input(json!({"command": line, "cwd": ask.cwd}));
    let mut more = Vec::new();
    if let Some(words) = ask
        .proposed_execpolicy_amendment
        .filter(|words| !words.is_empty())
    {
        let name = format!(
            "Always allow what begins with `{}`",
            one_line(&words.join(" "))
        );
        let amendment = json!({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": words}});
        more.push(Choice::new(
            "allow_always",
            name,
            Kind::AllowAlways,
            decision(amendment),
        ));
    }
    for (index, rule) in ask
        .proposed_network_policy_amendments
        .into_iter()
        .flatten()
        .enumerate()
    {
        let (verb, kind) = match rule.action.as_str() {
            "allow" => ("allow", Kind::AllowAlways),
            _ => ("refuse", Kind::RejectAlways),
        };
        let amendment = json!({"applyNetworkPolicyAmendment": {
            "network_policy_amendment": {"host": rule.host, "action": rule.action}}});
        let name = format!("Always {verb} {}", rule.host);
        more.push(Choice::new(
            format!("host_{index}"),
            name,
            kind,
            decision(amendment),
        ));
    }
    let call = acp::ToolCallUpdate::new(ask.item_id, fields);
    Ok(decisions(call, "Allow it for this session".into(), more))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileApproval {
    item_id: String,
    reason: Option<String>,
    grant_root: Option<String>,
}

/// `item/fileChange/requestApproval`: what it would change is in the item.
pub(crate) fn file_change(params: &str, calls: &Calls) -> serde_json::Result<Form> {
    let ask: FileApproval = serde_json::from_str(params)?;
    let mut fields = acp::ToolCallUpdateFields::new()
        .kind(acp::ToolKind::Edit)
        .title("Change files");
    if let Some(view) = calls.view(&ask.item_id) {
        fields = view.fields();
    }
    if let Some(reason) = &ask.reason {
        fields.content.get_or_insert_default().push(text(reason));
    }
    let session = match &ask.grant_root {
        Some(root) => format!("Allow all changes below {root} for this session"),
        None => "Allow all changes of these files for this session".into(),
    };
    let fields = fields.status(acp::ToolCallStatus::Pending);
    let call = acp::ToolCallUpdate::new(ask.item_id, fields);
    Ok(decisions(call, session, Vec::new()))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PermissionsApproval {
    item_id: String,
    reason: Option<String>,
    cwd: Option<String>,
    permissions: serde_json::Map<String, Value>,
}

/// `item/permissions/requestApproval`: the model asks for a wider sandbox.
pub(crate) fn permissions(params: &str) -> serde_json::Result<Form> {
    let ask: PermissionsApproval = serde_json::from_str(params)?;
    // What is null was not asked for and cannot be granted.
    let wanted = ask
        .permissions
        .into_iter()
        .filter(|(_, value)| !value.is_null());
    let wanted = Value::Object(wanted.collect());
    let answer = |permissions: &Value, scope| json!({"permissions": permissions, "scope": scope});
    let nothing = answer(&json!({}), "turn");
    let mut content: Vec<_> = ask.reason.map(text).into_iter().collect();
    content.push(text(fenced("json", &format!("{wanted:#}"))));
    let fields = acp::ToolCallUpdateFields::new()
        .kind(acp::ToolKind::Other)
        .status(acp::ToolCallStatus::Pending)
        .title("Widen the sandbox")
        .content(content)
        .raw_input(json!({"permissions": wanted, "cwd": ask.cwd}));
    Ok(Form {
        call: acp::ToolCallUpdate::new(ask.item_id, fields),
        options: vec![
            Choice::new(
                "allow_once",
                "Allow for this turn",
                Kind::AllowOnce,
                answer(&wanted, "turn"),
            ),
            Choice::new(
                "allow_session",
                "Allow for this session",
                Kind::AllowAlways,
                answer(&wanted, "session"),
            ),
            Choice::new("reject_once", "Reject", Kind::RejectOnce, nothing.clone()),
        ],
        cancelled: nothing.clone(),
        unasked: nothing,
        words: None,
        announce: true,
        unaskable: None,
        questions: None,
    })
}
