use super::*;

fn mask(values: &[(&str, &str)]) -> Mask {
    let mask = Mask::default();
    for (name, value) in values {
        let value = SecretValue::new(name, value.as_bytes().to_vec()).unwrap();
        mask.learn(&name.parse().unwrap(), &value);
    }
    mask
}

#[test]
fn without_a_value_nothing_is_copied() {
    let mask = Mask::default();
    assert!(matches!(mask.text("a text"), Cow::Borrowed("a text")));
    let mask = self::mask(&[("A", "correct horse")]);
    assert!(matches!(mask.text("a text"), Cow::Borrowed("a text")));
}

#[test]
fn a_value_is_masked_wherever_it_stands() {
    let mask = mask(&[("A", "correct horse"), ("B", "battery staple")]);
    let text = "correct horse, and battery staple; correct horse";
    assert_eq!(mask.text(text), "[secret A], and [secret B]; [secret A]");
    assert_eq!(format!("{mask:?}"), r#"{"A", "B"}"#);
}

#[test]
fn of_values_that_begin_alike_the_longest_is_masked() {
    let mask = mask(&[("SHORT", "password"), ("LONG", "password-of-mine")]);
    assert_eq!(mask.text("password-of-mine!"), "[secret LONG]!");
    assert_eq!(mask.text("password-of-"), "[secret SHORT]-of-");
}

#[test]
fn the_usual_encodings_are_masked() {
    use ::base64::{Engine as _, engine::general_purpose as base64};
    let value = "p\"ä/s?s w>o~r!d\\";
    let mask = mask(&[("A", value)]);
    let json = serde_json::to_string(value).unwrap();
    let debug = format!("{value:?}");
    for text in [
        json.as_str(),
        &debug,
        "p%22%C3%A4%2Fs%3Fs%20w%3Eo~r%21d%5C",
        "p%22%c3%a4%2fs%3fs%20w%3eo~r%21d%5c",
        "p%22%C3%A4%2Fs%3Fs+w%3Eo~r%21d%5C",
        "p%22%C3%A4%2Fs%3Fs%20w%3Eo~r!d%5C",
    ] {
        let masked = mask.text(text);
        assert!(masked.contains("[secret A]"), "{text}: {masked}");
        assert!(
            !masked.contains("w>o") && !masked.contains("3Eo~"),
            "{masked}"
        );
    }
    for engine in [
        base64::STANDARD,
        base64::STANDARD_NO_PAD,
        base64::URL_SAFE,
        base64::URL_SAFE_NO_PAD,
    ] {
        for before in ["", "u", "us", "use", "user:"] {
            for after in ["", "x", "xy", "xyz"] {
                let text = engine.encode(format!("{before}{value}{after}"));
                let masked = mask.text(&text);
                assert!(masked.contains("[secret A]"), "{before}{after}: {masked}");
                // At most a character or two at each side is left of it.
                let beside = (before.len() + after.len()).div_ceil(3) * 4 + 8;
                assert!(masked.len() <= beside + "[secret A]".len(), "{masked}");
            }
        }
    }
}

#[test]
fn the_lines_of_a_value_are_masked_one_by_one() {
    let mask = mask(&[(
        "KEY",
        "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----",
    )]);
    assert_eq!(mask.text("line: MIIEvQIBADANBg."), "line: [secret KEY].");
}

#[test]
fn json_stays_json() {
    let mask = mask(&[("PIN", "1234567890"), ("A", "correct \"horse\"")]);
    let text = r#"{"a": "say correct \"horse\"", "n": 1}"#;
    assert_eq!(mask.json(text), r#"{"a": "say [secret A]", "n": 1}"#);
    let masked = mask.json(r#"{"pin": 1234567890, "1234567890": [true]}"#);
    let value: serde_json::Value = serde_json::from_str(&masked).unwrap();
    assert_eq!(value["pin"], "[secret PIN]");
    assert_eq!(value["[secret PIN]"][0], true);
    let untouched = r#"{"a" : 1}"#;
    assert!(matches!(mask.json(untouched), Cow::Borrowed(_)));
}

#[test]
fn what_was_used_the_longest_ago_is_forgotten_first() {
    let mask = Mask::default();
    for number in 0..=KNOWN {
        let text = format!("the value {number:04}");
        let value = SecretValue::new("A", text.into_bytes()).unwrap();
        mask.learn(&"A".parse().unwrap(), &value);
        mask.learn(&"A".parse().unwrap(), &value);
    }
    assert_eq!(mask.text("the value 0000"), "the value 0000");
    assert_eq!(mask.text("the value 0001"), "[secret A]");
    let last = format!("the value {KNOWN:04}");
    assert_eq!(mask.text(&last), "[secret A]");
    let learn = |text: &str| {
        let value = SecretValue::new("A", text.as_bytes().to_vec()).unwrap();
        mask.learn(&"A".parse().unwrap(), &value);
    };
    // Used once more, so the next one goes in its place.
    learn("the value 0001");
    learn("another value");
    assert_eq!(mask.text("the value 0001"), "[secret A]");
    assert_eq!(mask.text("the value 0002"), "the value 0002");
}
