use hostler_provider::Tree;

/// Takes out what is typed into fields for secrets, as far as a provider told it
/// at all: nobody who looks at a device may read it, in whatever way.
///
/// The value of such a field goes, and so does what is in it: some platforms have
/// the typed text there once more, and some as the field's own label.
pub(super) fn hide(tree: &mut Tree) {
    // The secure field around the present node: its depth, and what it held.
    let mut field: Option<(u32, Option<String>)> = None;
    for node in &mut tree.nodes {
        if field
            .as_ref()
            .is_some_and(|(depth, _)| node.depth <= *depth)
        {
            field = None;
        }
        if let Some((_, typed)) = &field {
            node.value = None;
            if node.label == typed.as_deref().unwrap_or_default() {
                node.label.clear();
            }
        } else if node.states.secure {
            let typed = node.value.take().filter(|typed| !typed.is_empty());
            if typed.as_ref() == Some(&node.label) {
                node.label.clear();
            }
            field = Some((node.depth, typed));
        }
    }
}
