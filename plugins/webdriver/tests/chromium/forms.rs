//! Fields, buttons and keys.

use hostler_sdk::device::{Act, DeviceSession, Error, Target};

use crate::bench::{Stage, find, outline};

pub(crate) fn a_snapshot_is_what_a_person_sees_and_where() {
    let mut stage = Stage::new("/form.html");
    let tree = stage.tree();
    eprintln!("{}", outline(&tree));
    assert_eq!(tree.title.as_deref(), Some("Order"));
    assert_eq!(tree.app, Some(format!("{}/form.html", stage.site)));
    assert!(!tree.truncated);
    let said = outline(&tree);
    assert!(!said.contains("Hidden words"), "{said}");
    assert!(
        !said.contains("InlineTextBox") && !said.contains("generic"),
        "{said}"
    );
    // The heading is not told twice.
    assert_eq!(said.matches("Order form").count(), 1, "{said}");
    // Depths never jump.
    let mut before = -1;
    for node in &tree.nodes {
        let depth = i64::from(node.depth);
        assert!(depth <= before + 1, "{said}");
        before = depth;
    }

    let name = find(&tree, "textbox", "Name");
    assert_eq!(name.identifier.as_deref(), Some("customer"));
    assert!(name.states.editable && name.states.enabled && name.states.hittable);
    let pin = find(&tree, "textbox", "Pin");
    assert_eq!(
        (pin.value.as_deref(), pin.states.secure),
        (Some("••••"), true)
    );
    let closed = find(&tree, "textbox", "Closed");
    assert!(!closed.states.enabled && !closed.states.editable);
    assert_eq!(closed.value.as_deref(), Some("no"));
    assert!(!find(&tree, "checkbox", "Agree").states.checked);
    assert_eq!(
        find(&tree, "combobox", "Size").value.as_deref(),
        Some("Small")
    );
    assert!(!find(&tree, "button", "Covered").states.hittable);
    assert!(find(&tree, "button", "Save").states.hittable);

    // Where the browser itself says that it is.
    let rect = name.rect.unwrap();
    let real = stage.page(
        "(() => { const at = document.getElementById('name').getBoundingClientRect(); \
         return [at.x, at.y, at.width, at.height] })()",
    );
    let real: Vec<f64> = serde_json::from_value(real).unwrap();
    for (said, real) in [rect.x, rect.y, rect.width, rect.height].iter().zip(real) {
        assert!((said - real).abs() < 1.0, "{rect:?} is {real:?}");
    }
}

pub(crate) fn fields_are_filled_and_typed_into_and_taps_have_effect() {
    let mut stage = Stage::new("/form.html");
    let tree = stage.tree();
    let ref_of = |role: &str, label: &str| Target::Ref(find(&tree, role, label).r#ref);
    let name = ref_of("textbox", "Name");
    stage.call(|device| device.fill(name, "Nobody"));
    stage.call(|device| device.fill(name, "Zoë 😀"));
    assert_eq!(
        stage.page("document.getElementById('name').value"),
        "Zoë 😀"
    );
    stage.call(|device| device.type_text(" & Ada"));
    assert_eq!(
        stage.page("document.getElementById('name').value"),
        "Zoë 😀 & Ada"
    );
    stage.call(|device| device.fill(name, ""));
    assert_eq!(stage.page("document.getElementById('name').value"), "");
    stage.call(|device| device.fill(name, "Ada"));

    let note = ref_of("textbox", "Note");
    stage.call(|device| device.fill(note, "new"));
    assert_eq!(
        stage.page("document.getElementById('note').textContent"),
        "new"
    );
    let size = ref_of("combobox", "Size");
    stage.call(|device| device.fill(size, "Large"));
    assert_eq!(stage.page("document.getElementById('size').value"), "l");
    let day = ref_of("textbox", "Day");
    stage.call(|device| device.fill(day, "2031-02-03"));
    assert_eq!(
        stage.page("document.getElementById('day').value"),
        "2031-02-03"
    );

    let refused = |stage: &mut Stage, target, text: &str, why: &str| {
        let error = stage
            .bench
            .call(|device| device.fill(target, text))
            .unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(said) if said.contains(why)),
            "{error:?}"
        );
    };
    refused(&mut stage, size, "Huge", "Small, Large");
    refused(&mut stage, day, "tomorrow", "type date");
    refused(&mut stage, ref_of("textbox", "Closed"), "x", "disabled");
    refused(&mut stage, ref_of("checkbox", "Agree"), "x", "tapped");
    refused(&mut stage, ref_of("heading", "Order form"), "x", "no text");

    let save = ref_of("button", "Save");
    stage.call(|device| device.act(save, Act::Tap(1)));
    assert_eq!(stage.find("text", "Saved Ada 1").role, "text");
    stage.call(|device| device.act(save, Act::Tap(2)));
    assert_eq!(stage.find("text", "Saved Ada 3").role, "text");
    let agree = ref_of("checkbox", "Agree");
    stage.call(|device| device.act(agree, Act::Tap(1)));
    assert!(stage.find("checkbox", "Agree").states.checked);
    let at = Target::Point(find(&tree, "checkbox", "Agree").rect.unwrap().middle());
    stage.call(|device| device.act(at, Act::Tap(1)));
    assert!(!stage.find("checkbox", "Agree").states.checked);
    stage.call(|device| device.act(save, Act::Hold(600)));
    stage.call(|device| device.act(save, Act::Hover));
    assert_eq!(
        stage.page("document.querySelector('button:hover')?.id"),
        "save"
    );
    stage.call(|device| device.act(name, Act::Focus));
    assert!(stage.find("textbox", "Name").states.focused);
}

pub(crate) fn keys_reach_the_page_with_their_modifiers() {
    let mut stage = Stage::new("/form.html");
    let name = Target::Ref(stage.find("textbox", "Name").r#ref);
    stage.call(|device| device.fill(name, "abc"));
    for (key, seen) in [
        ("ArrowLeft", "ArrowLeft"),
        ("Shift+ArrowLeft", "Shift+ArrowLeft"),
        ("Backspace", "Backspace"),
        ("Control+Shift+k", "Control+Shift+K"),
        ("z", "z"),
    ] {
        stage.call(|device| device.press(key));
        assert_eq!(stage.page("document.body.dataset.key"), seen, "{key}");
    }
    assert_eq!(stage.page("document.getElementById('name').value"), "azc");
    stage.call(|device| device.press("Control+a"));
    stage.call(|device| device.press("Delete"));
    assert_eq!(stage.page("document.getElementById('name').value"), "");
    let unknown = stage.bench.call(|device| device.press("Return"));
    assert!(matches!(unknown, Err(Error::Invalid(_))), "{unknown:?}");
    let list = format!("{}/list.html", stage.site);
    stage.call(|device| device.open_url(&list));
    stage.call(|device| device.press("back"));
    assert_eq!(stage.tree().title.as_deref(), Some("Order"));
    stage.call(|device| device.open_url(&list));
    stage.call(|device| device.press("home"));
    assert_eq!(stage.tree().title.as_deref(), Some("Order"));
    let switcher = stage.bench.call(|device| device.press("app-switcher"));
    assert!(matches!(switcher, Err(Error::Unsupported(_))));
}

pub(crate) fn an_element_in_a_frame_is_seen_and_tapped() {
    let mut stage = Stage::new("/form.html");
    let inside = stage.find("button", "Inside");
    let frame = stage.find("iframe", "Inner");
    let (inner, outer) = (inside.rect.unwrap(), frame.rect.unwrap());
    assert!(
        inner.within(&outer) == Some(inner),
        "{inner:?} in {outer:?}"
    );
    assert!(inside.states.hittable && inside.depth > frame.depth);
    stage.call(|device| device.act(Target::Ref(inside.r#ref), Act::Tap(1)));
    let tapped = stage.find("button", "Tapped inside");
    assert_eq!(tapped.r#ref, inside.r#ref);
    let at = Target::Point(tapped.rect.unwrap().middle());
    stage.call(|device| device.act(at, Act::Tap(1)));
}
