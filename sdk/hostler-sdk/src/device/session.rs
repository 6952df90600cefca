use super::{
    Act, Alert, AlertAnswer, App, AppState, Error, Image, Logs, Movement, Orientation, Result,
    Screen, Target, Tree,
};
use crate::Blob;

/// One device in use. One call at a time. What a device does not do is left out:
/// the call is [`Error::Unsupported`] then, and its flag of
/// [`Capabilities`](super::Capabilities) stays off.
///
/// # Errors
/// Of every method: the [`Error`] that says what a caller can do about it.
/// [`Error::Lost`] ends the lease.
pub trait DeviceSession: 'static {
    /// The screen as it stands.
    fn screen(&mut self) -> Result<Screen>;

    /// Whether the device still answers: [`Error::Lost`] if not.
    fn alive(&mut self) -> Result;

    /// Ends the session; the device stays on.
    fn close(&mut self) -> Result;

    /// What is on the screen. Refs of the snapshot before are stale, unless they
    /// are in this one too.
    fn snapshot(&mut self) -> Result<Tree> {
        Err(Error::unsupported("say what is on its screen"))
    }

    /// Does something to a target.
    fn act(&mut self, target: Target, act: Act) -> Result {
        let _ = (target, act);
        Err(Error::unsupported("be touched"))
    }

    /// Moves fingers.
    fn movement(&mut self, movement: Movement) -> Result {
        let _ = movement;
        Err(Error::unsupported("be swiped or scrolled"))
    }

    /// Replaces the text of a field.
    fn fill(&mut self, target: Target, text: &str) -> Result {
        let _ = (target, text);
        Err(Error::unsupported("fill a field"))
    }

    /// Types where the keyboard is.
    fn type_text(&mut self, text: &str) -> Result {
        let _ = text;
        Err(Error::unsupported("be typed on"))
    }

    /// Presses keys: a name of the DOM (`Enter`, `ArrowLeft`, `a`) behind any of
    /// `Control+`, `Alt+`, `Shift+`, `Meta+`; or `back`, `home`, `app-switcher`.
    fn press(&mut self, key: &str) -> Result {
        Err(Error::unsupported(&format!("press {key}")))
    }

    /// Returns when nothing has moved for a moment, or after `timeout_ms` with
    /// [`Error::TimedOut`].
    fn wait_idle(&mut self, timeout_ms: u32) -> Result {
        let _ = timeout_ms;
        Err(Error::unsupported("tell whether something moves"))
    }

    /// The screen as a picture; `full`: with what must be scrolled to.
    fn screenshot(&mut self, full: bool) -> Result<Image> {
        let _ = full;
        Err(Error::unsupported("picture its screen"))
    }

    /// A cheap picture of the screen, for people who watch.
    fn frame(&mut self) -> Result<Image> {
        Err(Error::unsupported("be watched"))
    }

    /// Begins to record.
    fn record_start(&mut self) -> Result {
        Err(Error::unsupported("film its screen"))
    }

    /// Ends it: the film.
    fn record_stop(&mut self) -> Result<Image> {
        Err(Error::unsupported("film its screen"))
    }

    /// The log from `since` on: 0, or [`Logs::next`] of an earlier call.
    fn logs(&mut self, since: u64) -> Result<Logs> {
        let _ = since;
        Err(Error::unsupported("give its log"))
    }

    /// The apps that are installed.
    fn apps(&mut self) -> Result<Vec<App>> {
        Err(Error::unsupported("list apps"))
    }

    /// What an app is doing.
    fn app_state(&mut self, app: &str) -> Result<AppState> {
        Err(Error::unsupported(&format!(
            "say what the app {app} is doing"
        )))
    }

    /// Installs a package: its file name and its bytes. Returns the app.
    fn install(&mut self, name: &str, content: &Blob) -> Result<App> {
        let _ = content;
        Err(Error::unsupported(&format!("install {name}")))
    }

    /// Removes an app.
    fn uninstall(&mut self, app: &str) -> Result {
        Err(Error::unsupported(&format!("remove the app {app}")))
    }

    /// Brings an app to the front.
    fn launch(&mut self, app: &str) -> Result {
        Err(Error::unsupported(&format!("launch the app {app}")))
    }

    /// Ends an app.
    fn terminate(&mut self, app: &str) -> Result {
        Err(Error::unsupported(&format!("end the app {app}")))
    }

    /// Opens a URL or a deep link.
    fn open_url(&mut self, url: &str) -> Result {
        Err(Error::unsupported(&format!("open the URL {url}")))
    }

    /// The alert that is open, if one is, and answers it.
    fn alert(&mut self, answer: AlertAnswer) -> Result<Option<Alert>> {
        let _ = answer;
        Err(Error::unsupported("tell of alerts"))
    }

    /// The clipboard's text.
    fn clipboard(&mut self) -> Result<String> {
        Err(Error::unsupported("read its clipboard"))
    }

    /// Sets it.
    fn set_clipboard(&mut self, text: &str) -> Result {
        let _ = text;
        Err(Error::unsupported("set its clipboard"))
    }

    /// How it is held.
    fn orientation(&mut self) -> Result<Orientation> {
        Err(Error::unsupported("tell how it is held"))
    }

    /// Turns it.
    fn set_orientation(&mut self, orientation: Orientation) -> Result {
        let _ = orientation;
        Err(Error::unsupported("be turned"))
    }

    /// Puts a file there.
    fn push(&mut self, path: &str, data: &Blob) -> Result {
        let _ = data;
        Err(Error::unsupported(&format!("take the file {path}")))
    }

    /// Reads a file.
    fn pull(&mut self, path: &str) -> Result<Blob> {
        Err(Error::unsupported(&format!("give the file {path}")))
    }

    /// Anything else that this provider documents; `params` and the answer are
    /// JSON.
    fn native(&mut self, method: &str, params: &str) -> Result<String> {
        let _ = params;
        Err(Error::unsupported(&format!("do {method}")))
    }

    /// Turns the device off, and ends the session.
    fn shutdown(&mut self) -> Result {
        Err(Error::unsupported("be turned off"))
    }
}
