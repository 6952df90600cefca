//! A network between a client and a host that can be cut.

use std::sync::{Arc, Mutex};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Forwards connections to one address; ends with its connections when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    connections: Arc<Mutex<JoinSet<()>>>,
    accepting: tokio::task::AbortHandle,
}

impl Proxy {
    /// Listens on a free port.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let connections = Arc::new(Mutex::new(JoinSet::new()));
        let (target, forwarded) = (target.to_owned(), Arc::clone(&connections));
        let accepting = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let target = target.clone();
                let mut forwarded = forwarded.lock().expect("connections");
                forwarded.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(&target).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Self {
            address,
            connections,
            accepting: accepting.abort_handle(),
        }
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends all connections and takes no more.
    pub fn cut(&self) {
        self.accepting.abort();
        self.connections.lock().expect("connections").abort_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}
