//! The open WebSockets: how many there are, and whether more may come.

use std::sync::Arc;

use tokio::sync::watch;

/// WebSockets at the same time, unless the operator says otherwise: a session
/// with a thousand viewers, and some more. Each may hold its budget of unsent
/// bytes; but frames are shared, so a thousand slow viewers of one session hold
/// little more than one. Each needs a file descriptor too.
pub const MAX_CLIENTS: usize = 2048;

/// The clients of a server. Cheap to clone; all clones are the same one. Whoever
/// runs the server keeps one to see whether somebody is there.
#[derive(Debug, Clone)]
pub struct Clients {
    state: Arc<watch::Sender<State>>,
    max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    open: usize,
    /// Nobody comes in any more.
    closed: bool,
}

/// Tells of clients that come or go. Made by [`Clients::watch`].
#[derive(Debug)]
pub struct ClientsWatch(watch::Receiver<State>);

/// A client's place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Clients);

/// Why there is no place for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    Full,
    Closed,
}

impl Default for Clients {
    fn default() -> Self {
        Self::new(MAX_CLIENTS)
    }
}

impl Clients {
    /// At most `max` at the same time.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let state = State {
            open: 0,
            closed: false,
        };
        let state = Arc::new(watch::Sender::new(state));
        Self { state, max }
    }

    /// WebSockets that are open now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state.borrow().open
    }

    /// From now on.
    #[must_use]
    pub fn watch(&self) -> ClientsWatch {
        ClientsWatch(self.state.subscribe())
    }

    /// Closes the door if nobody is there, and says whether it is closed now. In
    /// one step, so that a server which stops because nobody needs it cuts off
    /// nobody: whoever comes later is refused at once, and may start another.
    #[must_use]
    pub fn close_if_none(&self) -> bool {
        self.state.send_if_modified(|state| {
            let close = state.open == 0 && !state.closed;
            state.closed |= close;
            close
        });
        self.state.borrow().closed
    }

    pub(crate) fn enter(&self) -> Result<Place, NoPlace> {
        let mut entered = Err(NoPlace::Closed);
        self.state.send_if_modified(|state| {
            entered = match state {
                State { closed: true, .. } => Err(NoPlace::Closed),
                State { open, .. } if *open >= self.max => Err(NoPlace::Full),
                State { open, .. } => {
                    *open += 1;
                    Ok(())
                }
            };
            entered.is_ok()
        });
        entered.map(|()| Place(self.clone()))
    }

    /// Resolves when nobody is there.
    pub(crate) async fn none(&self) {
        // The sender is in `self`, so this does not fail.
        let _ = self
            .state
            .subscribe()
            .wait_for(|state| state.open == 0)
            .await;
    }
}

impl ClientsWatch {
    /// Resolves when a client has come or gone since the last call.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // There is no server any more: nobody comes.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_counted_up_to_the_bound() {
        let clients = Clients::new(3);
        let mut places: Vec<_> = (0..3).map(|_| clients.enter().unwrap()).collect();
        assert_eq!(clients.count(), 3);
        assert_eq!(clients.enter().unwrap_err(), NoPlace::Full);
        places.pop();
        assert_eq!(clients.count(), 2);
        let _again = clients.enter().unwrap();
    }

    #[test]
    fn the_door_is_closed_only_when_nobody_is_there() {
        let clients = Clients::default();
        let place = clients.enter().unwrap();
        assert!(!clients.close_if_none());
        let other = clients.enter().unwrap();
        drop((place, other));
        assert!(clients.close_if_none());
        assert!(clients.close_if_none(), "and stays so");
        assert_eq!(clients.enter().unwrap_err(), NoPlace::Closed);
        assert_eq!(clients.count(), 0);
    }

    #[tokio::test]
    async fn a_watch_tells_of_who_came_and_went_in_between() {
        let clients = Clients::default();
        let mut watch = clients.watch();
        drop(clients.enter());
        watch.changed().await;
        assert_eq!(clients.count(), 0);
        clients.none().await;
    }
}
