use hostler_provider::States;
use proptest::prelude::*;

use super::*;
use crate::query::{Condition, MAX_SELECTOR_BYTES};

fn node(number: u32, depth: u32, role: &str, label: &str) -> Node {
    Node {
        number,
        depth,
        role: role.to_owned(),
        label: label.to_owned(),
        value: None,
        identifier: None,
        rect: None,
        states: States {
            enabled: true,
            ..States::default()
        },
    }
}

/// A page with a form, and a list in which a word comes twice.
fn page() -> Snapshot {
    let mut name = node(4, 2, "textbox", "Name");
    name.value = Some("Ann".to_owned());
    name.identifier = Some("name".to_owned());
    name.states.editable = true;
    let mut off = node(9, 1, "link", "Imprint");
    off.states.offscreen = true;
    off.states.enabled = false;
    Snapshot::new(Tree {
        nodes: vec![
            node(1, 0, "document", "Welcome"),
            node(2, 1, "heading", "Welcome"),
            node(3, 1, "form", ""),
            name,
            node(5, 2, "button", "Sign in"),
            node(6, 3, "text", "Sign in"),
            node(7, 1, "item", "Delete"),
            node(8, 1, "item", "Delete"),
            off,
        ],
        ..Tree::default()
    })
}

/// A field for a secret, as platforms tell it that do not hide the text.
fn login() -> Snapshot {
    let mut field = node(2, 1, "textbox", "s3cret");
    field.value = Some("s3cret".to_owned());
    field.identifier = Some("password".to_owned());
    field.states.secure = true;
    let mut inner = node(3, 2, "text", "s3cret");
    inner.value = Some("s3cret".to_owned());
    let mut beside = node(4, 1, "textbox", "Name");
    beside.value = Some("Ann".to_owned());
    Snapshot::new(Tree {
        nodes: vec![node(1, 0, "document", "Login"), field, inner, beside],
        ..Tree::default()
    })
}

#[test]
fn what_is_typed_into_a_field_for_secrets_can_be_read_in_no_way() {
    let page = login();
    assert!(!format!("{:?}", page.tree()).contains("s3cret"));
    assert_eq!(page.text(2).as_deref(), Some(""));
    for text in ["value=s3cret", "text=s3cret", "label=s3cret"] {
        let found = page.find(&Element::parse(text).unwrap());
        assert!(matches!(found, Err(QueryError::NoMatch(_))), "{text}");
    }
    assert!(page.search("s3cret", 10).is_empty());
    let field = Element::parse("id=password").unwrap();
    assert!(
        !page
            .holds(&field, &Condition::Text("s3cret".to_owned()))
            .unwrap()
    );
    // What stands beside it is as it was.
    assert_eq!(page.text(4).as_deref(), Some("Ann"));
}

fn find(text: &str) -> Result<u32, QueryError> {
    let element = Element::parse(text)?;
    page().find(&element).map(|node| node.number)
}

#[test]
fn an_element_is_found_by_its_ref_or_by_what_it_is() {
    for (text, number) in [
        ("@e5", 5),
        ("role=button", 5),
        ("role=button label=\"sign in\"", 5),
        ("label='Sign in'", 5),
        ("text=Ann", 4),
        ("id=name editable", 4),
        ("editable=true enabled", 4),
        ("id=nothing || role=heading", 2),
        ("role=item||id=name", 4),
        ("role=link hidden", 9),
        ("visible=false", 9),
        // The root contains everything, so it is the heading that is meant.
        ("label=Welcome", 2),
        ("label=\"sign \\in\"", 5),
    ] {
        assert_eq!(find(text), Ok(number), "{text}");
    }
}

#[test]
fn several_elements_are_an_error_that_names_them() {
    let error = find("label=Delete").unwrap_err();
    assert_eq!(error.code(), "AMBIGUOUS_MATCH");
    let said = error.to_string();
    assert!(
        said.contains("@e7 item \"Delete\", @e8 item \"Delete\""),
        "{said}"
    );
    assert_eq!(
        find("label=Nobody").unwrap_err().code(),
        "ELEMENT_NOT_FOUND"
    );
    assert_eq!(find("@e99").unwrap_err().code(), "ELEMENT_NOT_FOUND");
}

#[test]
fn what_is_no_element_is_refused_with_the_reason() {
    let long = "a".repeat(MAX_SELECTOR_BYTES + 1);
    for (text, why) in [
        ("", "nothing"),
        ("@12", "@e and a number"),
        ("@e+1", "@e and a number"),
        ("@e99999999999", "@e and a number"),
        ("Sign in", "no key=value"),
        ("colour=red", "no key"),
        ("label=", "missing"),
        ("label=\"Sign in", "closing"),
        ("role=button ||", "beside `||`"),
        ("|| role=button", "beside `||`"),
        ("enabled=maybe", "true or false"),
        (&long, "longer"),
    ] {
        let error = find(text).unwrap_err();
        assert_eq!(error.code(), "INVALID_ARGS", "{text}");
        let said = error.to_string();
        assert!(said.contains(why) && said.len() < 400, "{said}");
    }
}

#[test]
fn conditions_hold_of_what_is_there_and_of_what_is_not() {
    let page = page();
    let is = |text: &str, name: &str| {
        page.holds(
            &Element::parse(text).unwrap(),
            &Condition::parse(name).unwrap(),
        )
    };
    for (text, name, holds) in [
        ("id=name", "exists", true),
        ("id=none", "exists", false),
        ("label=Delete", "exists", true),
        ("id=none", "hidden", true),
        ("id=none", "visible", false),
        ("label=Imprint", "hidden", true),
        ("label=Imprint", "disabled", true),
        ("id=name", "editable", true),
        ("id=name", "checked", false),
    ] {
        assert_eq!(is(text, name), Ok(holds), "{text} {name}");
    }
    assert_eq!(
        is("id=none", "enabled").unwrap_err().code(),
        "ELEMENT_NOT_FOUND"
    );
    assert_eq!(
        is("label=Delete", "visible").unwrap_err().code(),
        "AMBIGUOUS_MATCH"
    );
    assert_eq!(Condition::parse("red").unwrap_err().code(), "INVALID_ARGS");
    for name in Condition::NAMES {
        assert!(Condition::parse(name).is_ok(), "{name}");
    }
    let name = Element::parse("id=name").unwrap();
    assert_eq!(
        page.holds(&name, &Condition::Text("Ann".to_owned())),
        Ok(true)
    );
}

#[test]
fn the_text_of_an_element_is_its_value_or_label_or_what_is_in_it() {
    let page = page();
    assert_eq!(page.text(4).as_deref(), Some("Ann"));
    assert_eq!(page.text(5).as_deref(), Some("Sign in"));
    assert_eq!(page.text(3).as_deref(), Some("Name Sign in Sign in"));
    assert_eq!(page.text(99), None);
}

#[test]
fn a_search_finds_parts_of_texts() {
    let page = page();
    let found = |text, limit| -> Vec<u32> {
        let found = page.search(text, limit);
        found.into_iter().map(|node| node.number).collect()
    };
    assert_eq!(found("del", 10), [7, 8]);
    assert_eq!(found("del", 1), [7]);
    assert_eq!(found("an", 10), [4]);
}

proptest! {
    #[test]
    fn any_text_is_an_element_or_an_error(text in ".{0,200}") {
        if let Ok(element) = Element::parse(&text) {
            let _ = page().find(&element);
        }
    }

    #[test]
    fn any_label_is_found_when_it_is_quoted(label in "[a-zA-Z0-9 \"'|=@\\\\]{1,30}") {
        prop_assume!(!label.trim().is_empty());
        let page = Snapshot::new(Tree { nodes: vec![node(1, 0, "button", &label)], ..Tree::default() });
        let quoted = label.replace('\\', "\\\\").replace('"', "\\\"");
        let element = Element::parse(&format!("label=\"{quoted}\"")).unwrap();
        prop_assert_eq!(page.find(&element).unwrap().number, 1);
    }
}
