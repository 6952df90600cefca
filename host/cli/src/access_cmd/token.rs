//! `hostler token create|list|revoke`.

use std::fmt::Write as _;

use anyhow::Context as _;
use comfy_table::{Table, presets::NOTHING};
use hyper::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{TokenView, host, short};
use crate::{
    args::{TokenCreate, TokenList, TokenRevoke, TokenWish},
    client::text::one_line,
    exit::{Exit, Failure},
    plugin_cmd::print,
};

/// Longest cell of the table, in characters.
const CELL: usize = 40;

/// Longest part of the line about a new token, in characters: no name that a
/// host gives is longer.
const PART: usize = 160;

#[derive(Debug, Deserialize)]
struct Listed {
    tokens: Vec<TokenView>,
}

pub(crate) async fn create(args: TokenCreate) -> Result<Exit, Failure> {
    let host = host(&args.state)?;
    let body = Some(body(&args.wish));
    let made: Value = host.call(Method::POST, "/v1/tokens", body).await?;
    if args.json {
        print(&serde_json::to_string_pretty(&made).context("the token as JSON")?);
        return Ok(Exit::Done);
    }
    let made: TokenView = serde_json::from_value(made).context("the host's answer is odd")?;
    let token = made.token.as_deref();
    let token = token.context("the host told no token")?;
    eprintln!("{}", about(&made));
    eprintln!("This is the only time that it is shown:");
    print(token);
    Ok(Exit::Done)
}

/// As the REST interface takes it.
pub(super) fn body(wish: &TokenWish) -> Value {
    json!({
        "principal": wish.principal,
        "scopes": wish.scopes,
        "life_seconds": wish.life.map(|life| life.as_secs()),
        "label": wish.label,
    })
}

/// One line about a token that was made.
pub(super) fn about(token: &TokenView) -> String {
    let until = match &token.expires {
        Some(expires) => format!("until {} UTC", short(expires)),
        None => "until it is revoked".to_owned(),
    };
    format!(
        "Token {} lets in as {} with {}, {until}.",
        one_line(&token.id, PART),
        one_line(&token.principal, PART),
        one_line(&token.scopes.join(", "), PART)
    )
}

pub(crate) async fn list(args: TokenList) -> Result<Exit, Failure> {
    let host = host(&args.state)?;
    let listed: Value = host.call(Method::GET, "/v1/tokens", None).await?;
    if args.json {
        print(&serde_json::to_string_pretty(&listed).context("the list as JSON")?);
    } else {
        let listed = serde_json::from_value(listed).context("the host's answer is odd")?;
        print(&table(&listed, Timestamp::now()));
    }
    Ok(Exit::Done)
}

fn table(listed: &Listed, now: Timestamp) -> String {
    if listed.tokens.is_empty() {
        return "There are no tokens but the host's own, which are files.".to_owned();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "ID",
        "STATE",
        "PRINCIPAL",
        "SCOPES",
        "CREATED",
        "EXPIRES",
        "USED",
        "LABEL",
    ]);
    for token in &listed.tokens {
        let time = |time: &Option<String>| time.as_deref().map_or("-".to_owned(), short);
        table.add_row([
            one_line(&token.id, CELL),
            state(token, now).to_owned(),
            one_line(&token.principal, CELL),
            one_line(&token.scopes.join(" "), CELL),
            short(&token.created),
            time(&token.expires),
            time(&token.used),
            one_line(&token.label, CELL),
        ]);
    }
    let mut out = String::new();
    for line in table.lines() {
        let _ = writeln!(out, "{}", line.trim());
    }
    out
}

fn state(token: &TokenView, now: Timestamp) -> &'static str {
    let expires = token.expires.as_deref().and_then(|time| time.parse().ok());
    if token.revoked.is_some() {
        "revoked"
    } else if expires.is_some_and(|expires: Timestamp| expires <= now) {
        "expired"
    } else {
        "valid"
    }
}

pub(crate) async fn revoke(args: TokenRevoke) -> Result<Exit, Failure> {
    let host = host(&args.state)?;
    // In a path: what could mean something else there is no id.
    if args.id.is_empty() || !args.id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        let message = format!(
            "{:?} is no id of a token; `hostler token list` shows them",
            args.id
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let path = format!("/v1/tokens/{}", args.id);
    let _: Value = host.call(Method::DELETE, &path, None).await?;
    eprintln!("Token {} lets nobody in any more.", args.id);
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(value: Value) -> TokenView {
        let mut all = json!({
            "id": "0123456789abcdef", "principal": "ann", "scopes": ["view", "drive"],
            "label": "phone", "created": "2026-11-20T08:00:00.000Z",
            "expires": null, "revoked": null, "used": null,
        });
        for (key, value) in value.as_object().unwrap() {
            all[key] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn a_token_is_one_line_with_its_state_and_cannot_act_upon_the_terminal() {
        let listed = Listed {
            tokens: vec![
                token(json!({ "label": "a\u{1b}[2Jb" })),
                token(json!({ "expires": "2026-11-20T09:00:00.000Z" })),
                token(json!({ "revoked": "2026-11-20T09:00:00.000Z" })),
            ],
        };
        let text = table(&listed, "2026-11-20T09:00:00Z".parse().unwrap());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        for (line, state) in lines[1..].iter().zip(["valid", "expired", "revoked"]) {
            assert!(line.contains(state), "{state}: {text}");
            assert!(line.contains("view drive") && line.contains("2026-11-20 08:00"));
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn what_a_new_token_may_is_told_in_one_line() {
        let line = about(&token(json!({ "expires": "2026-11-20T09:00:00.000Z" })));
        assert_eq!(
            line,
            "Token 0123456789abcdef lets in as ann with view, drive, until 2026-11-20 09:00 UTC."
        );
        assert!(about(&token(json!({}))).ends_with("until it is revoked."));
        let odd = json!({
            "id": "\u{1b}[2J", "principal": "\n\u{1b}", "scopes": ["\u{7}"], "expires": "\u{1b}]0;me",
        });
        assert!(!about(&token(odd)).contains(char::is_control));
    }
}
