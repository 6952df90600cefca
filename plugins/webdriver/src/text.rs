//! Text into fields.

use hostler_sdk::device::{Error, Result, Target};
use serde_json::json;

use crate::element::gone;
use crate::keys;
use crate::session::Browser;

/// Longer text goes in at once instead of key by key, which takes 2 ms each.
const MAX_KEYS: usize = 1000;

/// How much is typed in one request.
const CHUNK: usize = 200;

/// Gives a field the keyboard with all its text selected, so that what is
/// inserted next replaces it; sets the value of those that take no text.
const PREPARE: &str = "function (text) {
    let field = this.nodeType === Node.TEXT_NODE ? this.parentElement : this;
    field = (field && field.closest('label') && field.closest('label').control) || field;
    if (!field || field.disabled || field.readOnly) return 'closed';
    const set = (value) => {
        const own = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value');
        own.set.call(field, value);
        field.dispatchEvent(new Event('input', {bubbles: true}));
        field.dispatchEvent(new Event('change', {bubbles: true}));
    };
    if (field.tagName === 'SELECT') {
        const all = [...field.options].filter((option) => !option.disabled);
        const chosen = all.find((option) => option.label.trim() === text.trim())
            || all.find((option) => option.value === text);
        if (!chosen) return 'options: ' + all.map((option) => option.label.trim()).join(', ');
        field.focus();
        set(chosen.value);
        chosen.selected = true;
        return 'done';
    }
    if (field.tagName === 'INPUT') {
        const kind = field.type;
        const untyped = ['button', 'checkbox', 'file', 'hidden', 'image', 'radio', 'reset', 'submit'];
        if (untyped.includes(kind)) return 'kind: ' + kind;
        const picked = ['color', 'date', 'datetime-local', 'month', 'range', 'time', 'week'];
        if (picked.includes(kind)) {
            const before = field.value;
            field.focus();
            set(text);
            if (field.value === text || (kind === 'range' && Number(field.value) === Number(text))) {
                return 'done';
            }
            set(before);
            return 'value: ' + kind;
        }
    }
    field.focus();
    if (typeof field.select === 'function') {
        field.select();
        return 'ready';
    }
    if (field.isContentEditable) {
        const all = document.createRange();
        all.selectNodeContents(field);
        const selection = field.ownerDocument.getSelection();
        selection.removeAllRanges();
        selection.addRange(all);
        return 'ready';
    }
    return 'none';
}";

pub(crate) fn fill(browser: &Browser, target: Target, text: &str) -> Result {
    let backend = browser.target_element(target)?;
    let prepared = browser.wire.call_on::<String>(backend, PREPARE, text);
    let prepared = prepared.map_err(|fault| match target {
        Target::Ref(number) => gone(fault, number),
        Target::Point(_) => fault.into(),
    })?;
    let invalid = |what: String| Err(Error::Invalid(what));
    match prepared.split_once(": ") {
        None if prepared == "ready" => insert(browser, text),
        None if prepared == "done" => Ok(()),
        None if prepared == "closed" => {
            invalid("the field is disabled or only for reading".to_owned())
        }
        Some(("options", options)) => invalid(format!(
            "there is no option {text:?}; the options are: {options}"
        )),
        Some(("kind", kind)) => invalid(format!("an input of type {kind} is tapped, not filled")),
        Some(("value", kind)) => {
            invalid(format!("{text:?} is no value of an input of type {kind}"))
        }
        _ => invalid("no text can be typed into that element".to_owned()),
    }
}

/// In place of what is selected, as one paste; nothing deletes it.
fn insert(browser: &Browser, text: &str) -> Result {
    let params = json!({"text": text});
    Ok(browser.wire.cdp_run("Input.insertText", params)?)
}

pub(crate) fn type_text(browser: &Browser, text: &str) -> Result {
    if !keys::can_type(text) || text.chars().count() > MAX_KEYS {
        return insert(browser, text);
    }
    let characters: Vec<char> = text.chars().collect();
    for part in characters.chunks(CHUNK) {
        let part: String = part.iter().collect();
        keys::type_text(&browser.wire, &part)?;
    }
    Ok(())
}
