//! From Chrome's tree to what a person sees: what only groups or styles is left
//! out, and what is in it takes its place.

use std::borrow::Cow;

use super::ax::AxNode;

/// Never shown, with all that is in them.
const DROPPED: [&str; 4] = ["InlineTextBox", "LineBreak", "ListMarker", "ScrollBar"];

/// They mean something only when they have a name, or are used.
const GROUPS: [&str; 22] = [
    "",
    "none",
    "presentation",
    "generic",
    "GenericContainer",
    "paragraph",
    "Section",
    "LabelText",
    "Legend",
    "MenuListPopup",
    "strong",
    "emphasis",
    "mark",
    "code",
    "subscript",
    "superscript",
    "deletion",
    "insertion",
    "time",
    "Abbr",
    "Pre",
    "LayoutTable",
];

/// What becomes of a node.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It and what is in it are left out.
    Dropped,
    /// What is in it takes its place.
    Folded,
    /// It is in the tree.
    Kept,
}

/// `covered`: the label of what it is in, which people read already.
pub(crate) fn fate(node: &AxNode, scrollable: bool, covered: Option<&str>) -> Fate {
    let role = node.role();
    if DROPPED.contains(&role) {
        return Fate::Dropped;
    }
    if node.ignored {
        return Fate::Folded;
    }
    let name = node.name().trim();
    if role == "StaticText" {
        let known = covered.is_some_and(|label| label.contains(name));
        return if name.is_empty() || known {
            Fate::Dropped
        } else {
            Fate::Kept
        };
    }
    let used = scrollable || node.is("focusable") || node.editable().is_some();
    if GROUPS.contains(&role) && name.is_empty() && !used {
        return Fate::Folded;
    }
    Fate::Kept
}

/// Fields that browsers make of several little ones.
const WHOLE: [&str; 4] = ["Date", "DateTime", "InputTime", "ColorWell"];

/// Whether what is in it only repeats its value, or is a part of it.
pub(crate) fn holds_its_value(node: &AxNode) -> bool {
    node.editable() == Some("plaintext") || WHOLE.contains(&node.role())
}

/// The name of WAI-ARIA; Chrome has some of its own.
pub(crate) fn role(chrome: &str) -> Cow<'_, str> {
    Cow::Borrowed(match chrome {
        "RootWebArea" | "WebArea" => "document",
        "StaticText" => "text",
        "Iframe" | "IframePresentational" => "iframe",
        "image" => "img",
        "LabelText" => "label",
        "MenuListOption" => "option",
        "MenuListPopup" => "listbox",
        "PopUpButton" => "combobox",
        "DisclosureTriangle" | "DisclosureTriangleGrouped" => "button",
        "Details" => "group",
        "DescriptionList" => "list",
        "DescriptionListTerm" => "term",
        "DescriptionListDetail" => "definition",
        "GenericContainer" | "Section" | "" => "generic",
        "Video" => "video",
        "Audio" => "audio",
        "Canvas" => "canvas",
        "Date" | "DateTime" | "InputTime" | "ColorWell" => "textbox",
        other if other.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            return Cow::Owned(other.to_ascii_lowercase());
        }
        other => other,
    })
}
