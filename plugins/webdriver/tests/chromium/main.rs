//! The plugin with a real chromedriver and a headless Chromium on pages of a
//! little server. Each test has a driver of its own, which ends with it.

mod bench;
mod forms;
mod lists;
mod windows;

use hostler_test_support::{Need, trial};
use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let tests: [(&str, fn()); 12] = [
        (
            "a_snapshot_is_what_a_person_sees_and_where",
            forms::a_snapshot_is_what_a_person_sees_and_where,
        ),
        (
            "fields_are_filled_and_typed_into_and_taps_have_effect",
            forms::fields_are_filled_and_typed_into_and_taps_have_effect,
        ),
        (
            "keys_reach_the_page_with_their_modifiers",
            forms::keys_reach_the_page_with_their_modifiers,
        ),
        (
            "an_element_in_a_frame_is_seen_and_tapped",
            forms::an_element_in_a_frame_is_seen_and_tapped,
        ),
        (
            "a_scroll_moves_exactly_and_nothing_flings",
            lists::a_scroll_moves_exactly_and_nothing_flings,
        ),
        (
            "a_ref_names_one_element_for_ever_and_a_stale_one_is_refused",
            lists::a_ref_names_one_element_for_ever_and_a_stale_one_is_refused,
        ),
        (
            "pictures_have_the_size_of_the_screen",
            lists::pictures_have_the_size_of_the_screen,
        ),
        (
            "an_alert_stands_in_the_way_until_it_is_answered",
            windows::an_alert_stands_in_the_way_until_it_is_answered,
        ),
        (
            "the_log_the_clipboard_and_new_windows_are_there",
            windows::the_log_the_clipboard_and_new_windows_are_there,
        ),
        (
            "a_turned_screen_stays_turned_when_a_page_is_loaded",
            windows::a_turned_screen_stays_turned_when_a_page_is_loaded,
        ),
        (
            "a_session_leaves_nothing_and_a_dead_one_is_lost",
            windows::a_session_leaves_nothing_and_a_dead_one_is_lost,
        ),
        (
            "after_a_page_crashed_the_next_one_is_shown",
            windows::after_a_page_crashed_the_next_one_is_shown,
        ),
    ];
    let needs = [Need::Program("chromedriver"), Need::Program("chromium")];
    let trials: Vec<Trial> = tests
        .into_iter()
        .map(|(name, test)| {
            trial(name, &needs, move || async move {
                // It waits for real programs, which a worker thread must not.
                let done = tokio_free(test);
                if let Err(panic) = done {
                    std::panic::resume_unwind(panic);
                }
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// On a thread of its own.
fn tokio_free(test: fn()) -> std::thread::Result<()> {
    std::thread::spawn(test).join()
}
