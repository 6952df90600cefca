use crate::id::LeaseId;
use crate::label::Label;
use crate::principal::Principal;
use crate::terms::Terms;

/// Devices and pools of one selector: a person lists a handful, and a waiter
/// stands in the queue of each.
pub const MAX_CHOICES: usize = 8;

/// What somebody wants, in full: every surface fills in this record, and no
/// field of it has a second spelling anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Drawn at random for this ask. It is the lease's id from the start: in
    /// the queue, during the hand-over, and while it is held.
    pub id: LeaseId,
    /// Who asks.
    pub principal: Principal,
    /// For what.
    pub scope: LeaseScope,
    /// What the policy granted.
    pub terms: Terms,
}

/// What a lease is for. The labels are for people and for the client itself;
/// none is authority, and none makes two keys of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseScope {
    /// Label.
    pub tenant: Option<Label>,
    /// Label.
    pub run: Option<Label>,
    /// Label: what the client calls itself.
    pub client: Option<Label>,
    /// Label: what kind of device the client thinks it talks to.
    pub backend: Option<Label>,
    /// Label: the policy that gave the terms.
    pub policy: Option<Label>,
    /// The name of the client's session.
    pub session: Label,
    /// Which device.
    pub selector: Selector,
    /// How it is held.
    pub mode: Mode,
}

impl LeaseScope {
    /// The first label that `claimed` states otherwise. What it leaves out, and
    /// its selector and mode, are not compared.
    pub fn contradiction(&self, claimed: &LeaseScope) -> Option<&'static str> {
        let labels = [
            ("tenant", &self.tenant, &claimed.tenant),
            ("run", &self.run, &claimed.run),
            ("client", &self.client, &claimed.client),
            ("backend", &self.backend, &claimed.backend),
            ("policy", &self.policy, &claimed.policy),
        ];
        labels
            .into_iter()
            .find(|(_, own, said)| said.is_some() && own != said)
            .map(|(name, ..)| name)
            .or_else(|| (self.session != claimed.session).then_some("session"))
    }
}

/// How a device is held.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Mode {
    /// By whoever shows the lease id.
    Explicit,
    /// By a caller that knows nothing of leases: it belongs to the token and
    /// the name of the session on that surface, and there is one for all three.
    Implicit {
        /// The name of the token, which is no secret.
        token: Label,
        /// The surface by which it came: clients of each name their sessions
        /// themselves, so a name means nothing on another.
        surface: Label,
    },
    /// Beside a holder whose terms suffer readers; it ends with that holder.
    Reader,
}

/// Which devices will do, in the order of preference.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector(Vec<Choice>);

/// One device, or any of several. Neither is case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The device with this key, hardware id or alias.
    Device(Label),
    /// Any device of this pool.
    Pool(Label),
}

/// A selector with nothing or too much in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a selector has 1 to {MAX_CHOICES} devices or pools, not {0}; make a pool of many devices")]
pub struct SelectorError(pub usize);

impl Selector {
    /// That device.
    pub fn device(name: Label) -> Selector {
        Selector(vec![Choice::Device(name)])
    }

    /// Any device of that pool.
    pub fn pool(name: Label) -> Selector {
        Selector(vec![Choice::Pool(name)])
    }

    /// Whichever is free first; the first of them if several are.
    ///
    /// # Errors
    /// There is none, or there are more than [`MAX_CHOICES`].
    pub fn any_of(choices: Vec<Choice>) -> Result<Selector, SelectorError> {
        if (1..=MAX_CHOICES).contains(&choices.len()) {
            Ok(Selector(choices))
        } else {
            Err(SelectorError(choices.len()))
        }
    }

    /// What was chosen.
    pub fn choices(&self) -> &[Choice] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Label {
        Label::new(text).unwrap()
    }

    #[test]
    fn a_selector_is_bounded() {
        let one = Choice::Pool(label("ios"));
        assert!(Selector::any_of(vec![one.clone(); MAX_CHOICES]).is_ok());
        assert!(Selector::any_of(vec![]).is_err());
        assert!(Selector::any_of(vec![one; MAX_CHOICES + 1]).is_err());
    }

    #[test]
    fn a_label_that_is_stated_otherwise_is_named() {
        let own = LeaseScope {
            tenant: Some(label("acme")),
            run: None,
            client: Some(label("one")),
            backend: None,
            policy: None,
            session: label("default"),
            selector: Selector::device(label("pixel")),
            mode: Mode::Explicit,
        };
        let mut claimed = own.clone();
        claimed.client = None;
        assert_eq!(own.contradiction(&claimed), None);
        claimed.session = label("other");
        assert_eq!(own.contradiction(&claimed), Some("session"));
        claimed.tenant = Some(label("else"));
        assert_eq!(own.contradiction(&claimed), Some("tenant"));
    }
}
