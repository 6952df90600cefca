//! Where a token stands in a request.

/// The subprotocol that carries a token where no header can be set, as in a
/// browser: `new WebSocket(url, ["acp", "hostler.bearer." + token])`.
pub const WS_BEARER_PREFIX: &str = "hostler.bearer.";

/// The subprotocol that the host answers with when it was offered. A browser
/// that offers any must be answered with one, and the one with the token must
/// not be repeated, so such a client offers both.
pub const WS_PROTOCOL: &str = "acp";

/// The token of an `Authorization: Bearer TOKEN` value.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim_ascii().split_once(' ')?;
    let token = token.trim_ascii_start();
    (scheme.eq_ignore_ascii_case("bearer") && is_one_word(token)).then_some(token)
}

/// The token of a `Sec-WebSocket-Protocol` value; see [`WS_BEARER_PREFIX`].
/// Where two tokens are offered it is neither.
pub fn websocket_bearer(protocols: &str) -> Option<&str> {
    let items = protocols.split(',').map(str::trim_ascii);
    let mut tokens = items.filter_map(|item| item.strip_prefix(WS_BEARER_PREFIX));
    let token = tokens.next()?;
    (tokens.next().is_none() && is_one_word(token)).then_some(token)
}

fn is_one_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_the_scheme() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc", " Bearer abc "] {
            assert_eq!(bearer(value), Some("abc"), "{value:?}");
        }
    }

    #[test]
    fn other_authorizations_carry_no_token() {
        let values = [
            "",
            "Bearer",
            "Bearer ",
            "abc",
            "Basic abc",
            "Bearerabc",
            "Bearer a b",
            "Bearer a\u{7f}",
            "Bearer\tabc",
            "Bearer é",
        ];
        for value in values {
            assert_eq!(bearer(value), None, "{value:?}");
        }
    }

    #[test]
    fn a_browser_passes_its_token_as_a_subprotocol() {
        for value in [
            "acp, hostler.bearer.abc",
            "hostler.bearer.abc,acp",
            "acp ,\thostler.bearer.abc ",
        ] {
            assert_eq!(websocket_bearer(value), Some("abc"), "{value:?}");
        }
        assert_eq!(websocket_bearer("hostler.bearer.abc"), Some("abc"));
    }

    #[test]
    fn other_subprotocols_carry_no_token() {
        for value in [
            "",
            "acp",
            "hostler.bearer.",
            "xhostler.bearer.abc",
            "Hostler.Bearer.abc",
            "hostler.bearer.a b",
            "hostler.bearer.abc, hostler.bearer.def",
        ] {
            assert_eq!(websocket_bearer(value), None, "{value:?}");
        }
    }
}
