//! A page on loopback that tells what was done to it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A button that counts and colours, and a field. Each tells the server what
/// was done before anything else happens in the page, so that whoever sees the
/// effect finds it in the record.
const PAGE: &str = r#"<!doctype html><title>Counter</title>
<meta name=viewport content="width=device-width">
<body style="background: #fff">
<button onclick="tell('tap'); n.textContent = ++count; document.body.style.background = '#080'">Count</button>
<h1 id=n>0</h1>
<input aria-label=Name oninput="tell('name ' + this.value)">
<script>
let count = 0
function tell(what) {
  const request = new XMLHttpRequest()
  request.open('POST', 'did?' + what, false)
  request.send()
}
</script>"#;

/// What the page shows where nothing stands.
pub const WHITE: [u8; 3] = [255; 3];

/// The same after the button was tapped.
pub const GREEN: [u8; 3] = [0, 0x88, 0];

/// One page for each visitor's name, for as long as the test runs.
#[derive(Debug)]
pub struct Page {
    address: String,
    record: Arc<Mutex<Vec<String>>>,
}

impl Page {
    /// Serves on a free port.
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let record = Arc::<Mutex<Vec<String>>>::default();
        thread::spawn({
            let record = Arc::clone(&record);
            move || {
                for stream in listener.incoming().flatten() {
                    let record = Arc::clone(&record);
                    thread::spawn(move || answer(&stream, &record));
                }
            }
        });
        Self { address, record }
    }

    /// Where this visitor looks at it.
    #[must_use]
    pub fn url(&self, visitor: &str) -> String {
        format!("http://{}/{visitor}/", self.address)
    }

    /// What was done, in order: `VISITOR tap`, `VISITOR name TEXT`.
    ///
    /// # Panics
    /// When the server's thread did.
    #[must_use]
    pub fn record(&self) -> Vec<String> {
        self.record.lock().expect("the record").clone()
    }

    /// Waits until this was done.
    ///
    /// # Panics
    /// When it is not.
    pub fn wait_for(&self, what: &str) {
        let patience = Instant::now() + PATIENCE;
        while !self.record().iter().any(|done| done == what) {
            assert!(
                Instant::now() < patience,
                "no {what:?} in {:?}",
                self.record()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Answers one request; whoever goes away is let go.
fn answer(stream: &TcpStream, record: &Mutex<Vec<String>>) {
    let mut request = BufReader::new(stream);
    let (mut first, mut line) = (String::new(), String::new());
    let _ = request.read_line(&mut first);
    while request.read_line(&mut line).is_ok_and(|read| read > 2) {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let body = match path.split_once("/did?") {
        Some((visitor, what)) => {
            let visitor = visitor.trim_start_matches('/');
            let what = what.replace("%20", " ");
            let mut record = record.lock().expect("the record");
            record.push(format!("{visitor} {what}"));
            ""
        }
        None => PAGE,
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = { stream }.write_all(answer.as_bytes());
}

/// The colour of a screenshot (PNG) low in its middle, where the page shows
/// nothing but its background.
///
/// # Panics
/// When it is no PNG with 8 bits for a channel.
#[must_use]
pub fn background(picture: &[u8]) -> [u8; 3] {
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture))
        .read_info()
        .expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a picture that fits")];
    let info = reader.next_frame(&mut pixels).expect("a whole picture");
    assert_eq!(info.bit_depth, png::BitDepth::Eight);
    let (width, height) = (info.width as usize, info.height as usize);
    let channels = info.color_type.samples();
    let at = height * 3 / 4 * info.line_size + width / 2 * channels;
    pixels[at..at + 3].try_into().expect("three channels")
}
