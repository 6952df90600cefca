//! Whatever comes in is read as what it is, or is answered.

use hostler_wire::{
    Fault, Id, Message, RawValue, check_object, codes, compose, session_id, with_session_id,
    without_session_id,
};
use serde_json::{Value, json};

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn an_id_comes_back_in_its_exact_form() {
    for id in ["1", "\"1\"", "null", "-7", "1.0", "\"\"", "\"a b\""] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
        let Message::Request { id: read, .. } = Message::parse(&text).unwrap() else {
            panic!("{text}")
        };
        let answer = compose::response(&read, "{}");
        assert_eq!(
            answer,
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
        );
    }
}

#[test]
fn members_may_come_in_any_order_spelling_and_company() {
    let text = " {\"params\" : {\"a\":1} ,\n\"zzz\":[{}],\"\\u006dethod\":\"\\u006d/x\",\
                \"id\":4,\"jsonrpc\":\"2.0\"} ";
    let Message::Request { id, method, params } = Message::parse(text).unwrap() else {
        panic!()
    };
    assert_eq!(id, Id::number(4));
    assert_eq!(method, "m/x");
    assert_eq!(params.unwrap().get(), r#"{"a":1}"#);
}

#[test]
fn absent_and_null_params_are_the_same_and_a_null_result_is_a_result() {
    for text in [
        r#"{"jsonrpc":"2.0","method":"m"}"#,
        r#"{"jsonrpc":"2.0","method":"m","params":null}"#,
    ] {
        let read = Message::parse(text).unwrap();
        assert!(matches!(read, Message::Notification { params: None, .. }));
    }
    let read = Message::parse(r#"{"jsonrpc":"2.0","id":1,"result":null}"#).unwrap();
    let Message::Response { outcome, .. } = read else {
        panic!()
    };
    assert_eq!(outcome.unwrap().get(), "null");
}

#[test]
fn what_is_no_message_is_answered_with_code_and_id() {
    let cases = [
        ("", -32700, "PARSE_ERROR", "null"),
        ("{", -32700, "PARSE_ERROR", "null"),
        ("\u{feff}{}", -32700, "PARSE_ERROR", "null"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"m"} x"#,
            -32700,
            "PARSE_ERROR",
            "null",
        ),
        (
            r#"{"jsonrpc":"2.0","id":01,"method":"m"}"#,
            -32700,
            "PARSE_ERROR",
            "null",
        ),
        ("[]", -32600, "BATCH_UNSUPPORTED", "null"),
        (
            r#" [{"jsonrpc":"2.0","id":1,"method":"m"}]"#,
            -32600,
            "BATCH_UNSUPPORTED",
            "null",
        ),
        ("3", -32600, "INVALID_MESSAGE", "null"),
        ("\"x\"", -32600, "INVALID_MESSAGE", "null"),
        ("{}", -32600, "INVALID_MESSAGE", "null"),
        (r#"{"id":5,"method":"m"}"#, -32600, "INVALID_MESSAGE", "5"),
        (
            r#"{"jsonrpc":"1.0","id":5,"method":"m"}"#,
            -32600,
            "INVALID_MESSAGE",
            "5",
        ),
        (
            r#"{"jsonrpc":2.0,"id":"5","method":"m"}"#,
            -32600,
            "INVALID_MESSAGE",
            "\"5\"",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5}"#,
            -32600,
            "INVALID_MESSAGE",
            "5",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":7}"#,
            -32600,
            "INVALID_MESSAGE",
            "5",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":"\ud800"}"#,
            -32600,
            "INVALID_MESSAGE",
            "5",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":"m","params":"x"}"#,
            -32600,
            "INVALID_MESSAGE",
            "5",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":"m","result":1}"#,
            -32600,
            "INVALID_MESSAGE",
            "5",
        ),
        (
            r#"{"jsonrpc":"2.0","id":true,"method":"m"}"#,
            -32600,
            "INVALID_MESSAGE",
            "null",
        ),
        (
            r#"{"jsonrpc":"2.0","id":{},"method":"m"}"#,
            -32600,
            "INVALID_MESSAGE",
            "null",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"id":6,"method":"m"}"#,
            -32600,
            "INVALID_MESSAGE",
            "null",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"result":1,"error":{}}"#,
            -32600,
            "INVALID_MESSAGE",
            "null",
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"error":"x"}"#,
            -32600,
            "INVALID_MESSAGE",
            "null",
        ),
        (
            r#"{"jsonrpc":"2.0","result":1}"#,
            -32600,
            "INVALID_MESSAGE",
            "null",
        ),
    ];
    for (text, number, name, id) in cases {
        let error = Message::parse(text).unwrap_err();
        let answer = value(&error.answer());
        assert_eq!(answer["error"]["code"], number, "{text}");
        assert_eq!(answer["error"]["data"]["code"], name, "{text}");
        assert_eq!(answer["id"], value(id), "{text}");
    }
}

#[test]
fn nesting_without_end_and_megabytes_are_only_long() {
    const DEPTH: usize = 1_000_000;
    let deep = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let text = compose::notification("m", &deep);
    let Message::Notification { params, .. } = Message::parse(&text).unwrap() else {
        panic!()
    };
    assert_eq!(params.unwrap().get(), deep);
    let object = format!("{{\"x\":{deep}}}");
    check_object(&object).unwrap();
    assert_eq!(session_id(raw(&object)).unwrap(), None);
    with_session_id("s", &object).unwrap();
    without_session_id(raw(&object)).unwrap();
    assert!(Message::parse(&"[".repeat(DEPTH)).is_err());
    assert!(Message::parse(&r#"{"a":"#.repeat(DEPTH)).is_err());
    check_object(&"[".repeat(DEPTH)).unwrap_err();

    let many: String = (0..DEPTH).map(|n| format!("\"k{n}\":{n},")).collect();
    let wide =
        format!(r#"{{{many}"jsonrpc":"2.0","method":"m","params":{{{many}"sessionId":"s"}}}}"#);
    let Message::Notification { params, .. } = Message::parse(&wide).unwrap() else {
        panic!()
    };
    assert_eq!(session_id(params.unwrap()).unwrap().unwrap(), "s");
}

#[test]
fn a_payload_is_borrowed_and_not_copied() {
    let text = compose::notification("m", r#"{"sessionId":"s"}"#);
    let Message::Notification { method, params } = Message::parse(&text).unwrap() else {
        panic!()
    };
    let inside = |part: &str| text.as_bytes().as_ptr_range().contains(&part.as_ptr());
    assert!(inside(&method));
    assert!(inside(params.unwrap().get()));
    assert!(inside(&session_id(params.unwrap()).unwrap().unwrap()));
}

#[test]
fn only_one_whole_object_passes_as_an_object() {
    for good in ["{}", " {\"a\":[1]}\n", "{\"a\":{}}"] {
        assert_eq!(check_object(good).unwrap().get(), good.trim());
    }
    for bad in [
        "",
        "{",
        "{}{}",
        "{} x",
        "[]",
        "null",
        "1",
        "\"{}\"",
        "{'a':1}",
        "{\"a\":1,}",
    ] {
        let message = check_object(bad).unwrap_err().to_string();
        assert!(message.contains("JSON"), "{bad}: {message}");
    }
}

#[test]
fn a_session_id_is_read_only_where_it_is_clear() {
    let id = |json: &'static str| session_id(raw(json));
    assert_eq!(id(r#"{"a":{"sessionId":"x"}}"#), Ok(None));
    assert_eq!(id(r#"{"sessionId":null}"#), Ok(None));
    assert_eq!(id(r#"{"session\u0049d":"\u0061"}"#), Ok(Some("a".into())));
    for bad in [
        r#"{"sessionId":1}"#,
        r#"{"sessionId":{}}"#,
        r#"{"sessionId":"\ud800"}"#,
        r#"{"sessionId":"a","sessionId":"b"}"#,
        r#"["sessionId"]"#,
    ] {
        let fault = Fault::from(id(bad).unwrap_err());
        assert_eq!(fault.name, "BAD_PARAMS", "{bad}");
    }
}

#[test]
fn a_plugin_cannot_name_another_session() {
    for forged in [
        r#"{"sessionId":"other"}"#,
        r#"{"a":1,"session\u0049d":"other"}"#,
        r#"{"sessionId":null}"#,
        r#"{"sessionId":1,"sessionId":2}"#,
    ] {
        assert!(with_session_id("mine", forged).is_err(), "{forged}");
    }
    assert_eq!(
        with_session_id("a\"b", "{ }").unwrap(),
        r#"{"sessionId":"a\"b" }"#
    );
    assert_eq!(
        with_session_id("s", " {\"a\":1e2} ").unwrap(),
        r#"{"sessionId":"s","a":1e2}"#
    );
}

#[test]
fn every_session_id_is_taken_out_and_the_rest_stays() {
    let object = r#"{ "a" : 1e2, "sessionId":"x", "b":{"sessionId":"kept"}, "sessionId":"y" }"#;
    assert_eq!(
        without_session_id(raw(object)).unwrap(),
        r#"{"a":1e2,"b":{"sessionId":"kept"}}"#
    );
    assert_eq!(without_session_id(raw(r#"{"sessionId":1}"#)).unwrap(), "{}");
}

#[test]
fn messages_have_the_shape_of_the_protocol() {
    let id = Id::string("h/1");
    let params = r#"{"sessionId":"s","toolCall":{}}"#;
    assert_eq!(
        value(&compose::request(&id, "session/request_permission", params)),
        json!({"jsonrpc": "2.0", "id": "h/1", "method": "session/request_permission",
               "params": {"sessionId": "s", "toolCall": {}}})
    );
    assert_eq!(
        value(&compose::cancel_request(&id)),
        json!({"jsonrpc": "2.0", "method": "$/cancel_request", "params": {"requestId": "h/1"}})
    );
    let fault = Fault::new(codes::UNKNOWN_METHOD, "no");
    assert_eq!(
        value(&compose::error(&Id::null(), &fault)),
        json!({"jsonrpc": "2.0", "id": null,
               "error": {"code": -32601, "message": "no", "data": {"code": "UNKNOWN_METHOD"}}})
    );
}
