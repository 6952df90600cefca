//! What a device shows, and what becomes of it.

use bytes::Bytes;
use hostler_provider::{
    Act, Alert, AlertAnswer, Answer, App, AppState, Call, DeviceError, Direction, Image, LogLine,
    Logs, Movement, Node, Orientation, Point, Rect, Screen, States, Target, Tree,
};

/// A picture of one pixel.
pub(crate) const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T',
    0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0, 5, 0, 1, 0xff, 0x89, 0x99, 0x3d, 0x1d, 0, 0,
    0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// What a device shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) app: Option<String>,
    pub(crate) email: String,
    pub(crate) taps: u32,
    pub(crate) second: bool,
    pub(crate) scrolled: f64,
    pub(crate) alert: bool,
    pub(crate) clipboard: String,
    pub(crate) orientation: Option<Orientation>,
    pub(crate) installed: Vec<(String, usize)>,
    /// The first ref of the page.
    pub(super) base: u32,
    /// All that was asked of it.
    pub(crate) log: Vec<String>,
}

/// Where elements stand on the page, from its first ref on.
const EMAIL: u32 = 1;
const BUTTON: u32 = 2;
const LINK: u32 = 3;
const PIN: u32 = 4;
const END: u32 = 5;

impl Page {
    pub(super) fn answer(&mut self, call: Call, phone: bool) -> Result<Answer, DeviceError> {
        if self.alert
            && !matches!(
                call,
                Call::Alert(_) | Call::Screenshot { .. } | Call::Snapshot
            )
        {
            return Err(DeviceError::AlertOpen("Sure?".into()));
        }
        Ok(match call {
            Call::Snapshot => Answer::Tree(self.tree()),
            Call::Screen => Answer::Screen(Screen {
                width: 400.0,
                height: 800.0,
                scale: 2.0,
                orientation: Orientation::Portrait,
            }),
            Call::Act(target, act) => {
                let element = self.element(target)?;
                if matches!(act, Act::Tap(_) | Act::Hold(_)) {
                    self.touch(element, matches!(act, Act::Hold(_)));
                }
                Answer::Done
            }
            Call::Fill(target, text) => {
                if self.element(target)? != EMAIL {
                    return Err(DeviceError::Invalid("this is no field".into()));
                }
                self.email = text;
                Answer::Done
            }
            Call::TypeText(text) => {
                self.email.push_str(&text);
                Answer::Done
            }
            Call::Press(key) => {
                if key == "back" && self.second {
                    self.turn(false);
                }
                self.log.push(key);
                Answer::Done
            }
            Call::Move(movement) => {
                match movement {
                    Movement::Scroll {
                        direction,
                        distance,
                        ..
                    } => {
                        let far = distance.unwrap_or(600.0);
                        let far = if direction == Direction::Up {
                            -far
                        } else {
                            far
                        };
                        self.scrolled = (self.scrolled + far).clamp(0.0, 1500.0);
                    }
                    Movement::Swipe { .. } => self.log.push("swipe".into()),
                    Movement::Fingers(fingers) => {
                        self.log.push(format!("{} fingers", fingers.len()));
                    }
                }
                Answer::Done
            }
            Call::OpenUrl(url) => {
                self.app = Some(url);
                self.turn(false);
                Answer::Done
            }
            Call::Launch(app) if phone => {
                self.app = Some(app);
                Answer::Done
            }
            Call::Terminate(_) if phone => Answer::Done,
            Call::Uninstall(_) => return Err(DeviceError::NotFound("no such app".into())),
            Call::Install { name, package } => {
                self.installed.push((name.clone(), package.len()));
                Answer::Installed(App {
                    id: "com.x".into(),
                    name,
                    version: None,
                })
            }
            Call::Apps => Answer::Apps(vec![App {
                id: "com.x".into(),
                name: "X".into(),
                version: None,
            }]),
            Call::AppState(_) => Answer::AppState(AppState::Foreground),
            Call::Screenshot { .. } => picture(PNG, "image/png"),
            Call::RecordStart if phone => Answer::Done,
            Call::RecordStop if phone => picture(b"film", "video/mp4"),
            Call::Alert(AlertAnswer::Read) => Answer::Alert(self.open_alert()),
            Call::Alert(_) => {
                let open = self.open_alert();
                self.alert = false;
                Answer::Alert(open)
            }
            Call::Clipboard => Answer::Text(self.clipboard.clone()),
            Call::SetClipboard(text) => {
                self.clipboard = text;
                Answer::Done
            }
            Call::SetOrientation(orientation) => {
                self.orientation = Some(orientation);
                Answer::Done
            }
            Call::Logs { since: 0 } => Answer::Logs(Logs {
                lines: vec![LogLine {
                    time: 1,
                    level: "info".into(),
                    source: "app".into(),
                    text: "hello from the device".into(),
                }],
                next: 1,
            }),
            Call::Logs { since } => Answer::Logs(Logs {
                lines: vec![],
                next: since,
            }),
            Call::Alive => Answer::Done,
            other => {
                return Err(DeviceError::Unsupported(format!(
                    "this device does not do `{}`",
                    other.name()
                )));
            }
        })
    }

    fn open_alert(&self) -> Option<Alert> {
        self.alert.then(|| Alert {
            text: "Sure?".into(),
            buttons: vec!["OK".into()],
            asks_text: false,
        })
    }

    fn touch(&mut self, element: u32, long: bool) {
        match element {
            BUTTON if long => self.alert = true,
            BUTTON => self.taps += 1,
            LINK => self.turn(true),
            _ => {}
        }
    }

    /// Another page: its elements have other refs.
    fn turn(&mut self, second: bool) {
        self.second = second;
        self.base += 100;
    }

    /// Which element that is.
    fn element(&self, target: Target) -> Result<u32, DeviceError> {
        match target {
            Target::Ref(number) => {
                let here = self.tree().nodes.iter().any(|node| node.number == number);
                here.then(|| number - self.base)
                    .ok_or(DeviceError::StaleRef(number))
            }
            Target::Point(at) => {
                let inside = |node: &&Node| node.rect.is_some_and(|rect| contains(rect, at));
                let tree = self.tree();
                let node = tree.nodes.iter().rev().find(inside);
                Ok(node.map_or(0, |node| node.number - self.base))
            }
        }
    }

    fn tree(&self) -> Tree {
        let title = if self.second { "Details" } else { "Shop" };
        let mut nodes = vec![self.node(0, 0, "application", title, 0.0)];
        nodes[0].rect = Some(Rect {
            x: 0.0,
            y: 0.0,
            width: 400.0,
            height: 800.0,
        });
        if !self.second {
            let mut email = self.node(EMAIL, 1, "textbox", "Email", 100.0);
            email.value = Some(self.email.clone());
            email.identifier = Some("email".into());
            email.states.editable = true;
            let label = match self.taps {
                0 => "Sign in".to_owned(),
                taps => format!("Signed in {taps}"),
            };
            let button = self.node(BUTTON, 1, "button", &label, 200.0);
            let link = self.node(LINK, 1, "link", "Details", 300.0);
            let mut pin = self.node(PIN, 1, "textbox", "PIN", 400.0);
            pin.value = Some("1234".into());
            pin.states.secure = true;
            nodes.extend([email, button, link, pin]);
        }
        let at = 2000.0 - self.scrolled;
        let mut end = self.node(END, 1, "button", "End", at);
        end.states.offscreen = at > 800.0;
        nodes.push(end);
        Tree {
            nodes,
            truncated: false,
            app: self.app.clone(),
            title: Some(title.into()),
        }
    }

    fn node(&self, number: u32, depth: u32, role: &str, label: &str, y: f64) -> Node {
        Node {
            number: self.base + number,
            depth,
            role: role.into(),
            label: label.into(),
            value: None,
            identifier: None,
            rect: Some(Rect {
                x: 50.0,
                y,
                width: 300.0,
                height: 60.0,
            }),
            states: States {
                enabled: true,
                hittable: true,
                ..States::default()
            },
        }
    }
}

fn contains(rect: Rect, at: Point) -> bool {
    at.x >= rect.x && at.x < rect.x + rect.width && at.y >= rect.y && at.y < rect.y + rect.height
}

fn picture(bytes: &'static [u8], media_type: &str) -> Answer {
    Answer::Image(Image {
        data: Bytes::from_static(bytes),
        media_type: media_type.into(),
        scale: 2.0,
    })
}
