use hostler_provider::States;

/// Roles of elements that people act on.
const ACTIVE: [&str; 21] = [
    "alert",
    "button",
    "cell",
    "checkbox",
    "combobox",
    "dialog",
    "link",
    "listbox",
    "menuitem",
    "menuitemcheckbox",
    "menuitemradio",
    "option",
    "radio",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
    "textfield",
    "treeitem",
];

/// Whether one can act on an element.
pub fn is_active(role: &str, states: States) -> bool {
    let named = ACTIVE.iter().any(|known| known.eq_ignore_ascii_case(role));
    named || states.editable || states.scrollable || states.focused || states.checked
}

/// Whether one can act on an element, or it says something by itself.
pub fn is_of_use(role: &str, states: States, says: bool) -> bool {
    is_active(role, states) || (says && states.hittable)
}
