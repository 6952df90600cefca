//! What comes in goes out byte for byte.

use hostler_wire::{
    EnvelopeError, Fault, Id, MAX_ID_BYTES, Message, RawValue, check_object, codes, compose,
    member, session_id, with_session_id, without_session_id,
};
use proptest::prelude::*;
use serde_json::Value;

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// JSON text in spellings that a parser would not write itself.
fn any_json() -> impl Strategy<Value = String> {
    let string = any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap());
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1e2".to_owned()),
        Just("-0.0".to_owned()),
        Just("99999999999999999999999".to_owned()),
        Just(r#""\u00e4\/\ud83d\ude00""#.to_owned()),
        Just(r#""\ud800""#.to_owned()),
        string.clone(),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let space = prop_oneof![Just(""), Just(" "), Just("\n\t")];
        let entry = (string.clone(), inner.clone());
        prop_oneof![
            (prop::collection::vec(inner, 0..6), space.clone())
                .prop_map(|(items, s)| format!("[{s}{}{s}]", items.join(&format!("{s},{s}")))),
            (prop::collection::vec(entry, 0..6), space).prop_map(|(entries, s)| {
                let entries: Vec<_> = entries
                    .into_iter()
                    .map(|(key, value)| format!("{key}{s}:{s}{value}"))
                    .collect();
                format!("{{{s}{}{s}}}", entries.join(","))
            }),
        ]
    })
}

fn any_object() -> impl Strategy<Value = String> {
    any_json().prop_map(|json| format!("{{ \"x\" : {json} }}"))
}

proptest! {
    #[test]
    fn params_come_out_as_they_went_in(params in any_object(), method in any::<String>(), n: u64) {
        let text = compose::request(&Id::number(n), &method, &params);
        let Message::Request { id, method: read, params: Some(out) } = Message::parse(&text).unwrap()
        else { panic!("{text}") };
        prop_assert_eq!(id, Id::number(n));
        prop_assert_eq!(read, method.as_str());
        prop_assert_eq!(out.get(), &params);

        let text = compose::notification(&method, &params);
        let Message::Notification { method: read, params: Some(out) } = Message::parse(&text).unwrap()
        else { panic!("{text}") };
        prop_assert_eq!(read, method.as_str());
        prop_assert_eq!(out.get(), &params);
    }

    #[test]
    fn answers_come_out_as_they_went_in(result in any_json(), id in any::<String>()) {
        prop_assume!(serde_json::to_string(&id).unwrap().len() <= MAX_ID_BYTES);
        let id = Id::string(&id);
        let text = compose::response(&id, &result);
        let Message::Response { id: read, outcome: Ok(out) } = Message::parse(&text).unwrap()
        else { panic!("{text}") };
        prop_assert_eq!(&read, &id);
        prop_assert_eq!(out.get(), &result);

    }

    #[test]
    fn an_update_reaches_the_client_byte_for_byte(update in any_object(), session in any::<String>()) {
        let text = compose::session_update(&session, &update);
        let Message::Notification { method, params: Some(params) } = Message::parse(&text).unwrap()
        else { panic!("{text}") };
        prop_assert_eq!(method, "session/update");
        prop_assert_eq!(session_id(params).unwrap().unwrap(), session.as_str());
        prop_assert_eq!(member(params, "update").unwrap().unwrap().get(), &update);
    }

    #[test]
    fn a_session_id_is_put_in_and_taken_out_again(object in any_object(), session in any::<String>()) {
        let with = with_session_id(&session, &object).unwrap();
        prop_assert_eq!(session_id(raw(&with)).unwrap().unwrap(), session.as_str());
        let kept = with.ends_with(&object[1..]);
        prop_assert!(kept, "{}", with);
        let without = without_session_id(raw(&with)).unwrap();
        prop_assert_eq!(session_id(raw(&without)).unwrap(), None);
        let inner = member(raw(&object), "x").unwrap().unwrap().get();
        prop_assert_eq!(member(raw(&without), "x").unwrap().unwrap().get(), inner);
    }

    #[test]
    fn nothing_that_arrives_makes_the_reader_panic(text in any::<String>()) {
        if let Err(error) = Message::parse(&text) {
            value(&error.answer());
        }
    }

    #[test]
    fn a_message_cut_anywhere_is_an_error_with_an_answer(params in any_object(), part in 0.0..1.0f64) {
        let text = compose::request(&Id::string("a"), "m", &params);
        let mut end = (text.len() as f64 * part) as usize;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let error = Message::parse(&text[..end]).unwrap_err();
        prop_assert!(matches!(error, EnvelopeError::NotJson(_)));
        let answer = value(&error.answer());
        prop_assert_eq!(&answer["error"]["data"]["code"], "PARSE_ERROR");
    }

    #[test]
    fn a_fault_is_always_valid_json(message in any::<String>(), data in any_json()) {
        let fault = Fault::new(codes::INTERNAL, message.clone()).with_data(&data);
        let json = fault.to_json();
        check_object(&json).unwrap();
        let text = member(raw(&json), "message").unwrap().unwrap();
        prop_assert_eq!(serde_json::from_str::<String>(text.get()).unwrap(), message);
    }
}
