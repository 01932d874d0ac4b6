"""The one table of actions: ids, keys, labels and help. What is made of it is in tui.keys."""

from dataclasses import dataclass

SECTION_TITLES = {
    "global": "Everywhere",
    "screen": "Everywhere",
    "list": "Lists",
    "filter": "Lists",
    "grid": "Lists",
    "dashboard": "Dashboard",
    "jobs": "Jobs",
    "job_detail": "Job",
    "review": "Review",
    "decide": "Needs a decision",
    "gallery": "Gallery",
    "viewer": "Viewer",
    "logs": "Logs",
    "statistics": "Statistics",
    "settings": "Settings",
    "form": "Settings",
}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a key does. `keys` are Textual's names, comma separated; a comma itself is `comma`."""

    id: str
    """`section.verb`; the verb is the name of the Textual action."""
    keys: str
    label: str
    help: str
    is_shown: bool = False
    """In the footer."""
    is_anywhere: bool = False
    """The palette offers it on every screen and goes to its section first."""

    @property
    def section(self) -> str:
        """The screen or widget that carries it out."""
        return self.id.partition(".")[0]

    @property
    def verb(self) -> str:
        """The Textual action: `action_<verb>` of that screen or widget."""
        return self.id.partition(".")[2]


ACTIONS: tuple[Action, ...] = (
    # ---- the app
    Action("global.dashboard", "1", "Go to dashboard", "Go to the dashboard."),
    Action("global.jobs", "2", "Go to jobs", "Go to the jobs."),
    Action("global.review", "3", "Go to review", "Go to the failed images."),
    Action("global.gallery", "4", "Go to gallery", "Go to the approved images."),
    Action("global.settings", "5", "Go to settings", "Go to the settings."),
    Action("global.palette", "ctrl+p,colon", "Palette", "Find any action by its name."),
    Action(
        "global.help", "question_mark,f1", "Help", "Every key of this screen; type to search.", is_shown=True
    ),
    Action(
        "global.back",
        "escape,backspace",
        "Back",
        "One step back: search text, filters, marks, then the screen. Never quits.",
    ),
    Action(
        "global.close",
        "q",
        "Quit",
        "Close the top screen; in a section leave the program. Jobs keep running.",
        is_shown=True,
    ),
    Action("global.focus_next", "tab", "Next pane", "Go to the next pane."),
    Action("global.focus_previous", "shift+tab", "Previous pane", "Go to the pane before."),
    Action("global.redraw", "ctrl+l", "Redraw", "Draw the whole screen again."),
    Action(
        "global.suspend", "ctrl+z", "To the shell", "Go to the shell; `fg` comes back. Jobs keep running."
    ),
    Action("global.logs", "L", "Logs", "The log of all jobs."),
    # ---- every screen
    Action("screen.copy_path", "y", "Copy path", "Copy the file, folder or line at the cursor (OSC 52)."),
    Action("screen.copy_prompt", "Y", "Copy prompt", "Copy the prompt of the image at the cursor (OSC 52)."),
    # ---- lists
    Action("list.cursor_down", "j,down", "Down", "One row down."),
    Action("list.cursor_up", "k,up", "Up", "One row up."),
    Action("list.first", "g,home", "First", "To the first row."),
    Action("list.last", "G,end", "Last", "To the last row."),
    Action("list.half_page_down", "ctrl+d", "Half a page down", "Half a page down."),
    Action("list.half_page_up", "ctrl+u", "Half a page up", "Half a page up."),
    Action("list.page_down", "pagedown", "Page down", "A page down."),
    Action("list.page_up", "pageup", "Page up", "A page up."),
    Action("list.mark", "space", "Mark", "Mark the row and move on."),
    Action("list.mark_to_here", "V", "Mark to here", "Mark every row from the last mark to the cursor."),
    Action("list.mark_all", "A", "Mark all", "Mark every row that is shown; again: none."),
    Action("list.open", "enter,l,right", "Open", "Open the row at the cursor."),
    Action("list.back", "h,left", "Back", "One step back."),
    Action("grid.left", "h,left", "Left", "One picture to the left."),
    Action("grid.right", "l,right", "Right", "One picture to the right."),
    Action("grid.open", "enter", "Open", "Show the picture large."),
    Action("filter.search", "slash", "Search", "Show only rows with this text, as you type.", is_shown=True),
    Action("filter.status", "f", "Filter", "Show only some statuses.", is_shown=True),
    Action("filter.order", "o", "Order", "Sort by the next column."),
    Action("filter.reverse", "O", "Reverse", "Turn the order round."),
    # ---- dashboard
    Action(
        "dashboard.start",
        "s",
        "Start",
        "Start a job: configuration, images, estimate, folder and every warning first.",
        is_shown=True,
        is_anywhere=True,
    ),
    Action("dashboard.new", "n", "New", "Choose a configuration for a new job.", is_anywhere=True),
    Action(
        "dashboard.stop",
        "x",
        "Stop",
        "Stop the current job; images that are paid for are still finished.",
        is_shown=True,
        is_anywhere=True,
    ),
    Action(
        "dashboard.force_stop",
        "X",
        "Force stop",
        "Stop the current job at once; a resume fetches what is on its way.",
        is_anywhere=True,
    ),
    Action(
        "dashboard.pause",
        "p",
        "Pause",
        "Pause the current job, or go on with it.",
        is_shown=True,
        is_anywhere=True,
    ),
    Action(
        "dashboard.rerun",
        "r",
        "Rerun",
        "Run the job at the cursor, or the marked ones, again with the configuration as it is now.",
        is_shown=True,
    ),
    Action("dashboard.move_down", "J", "Move down", "Move the waiting job down the queue."),
    Action("dashboard.move_up", "K", "Move up", "Move the waiting job up the queue."),
    Action(
        "dashboard.remove",
        "d",
        "Remove",
        "Take the waiting job out of the queue; delete an ended one and move its images to the trash.",
    ),
    Action("dashboard.undo", "u", "Undo", "Take the last deletion back."),
    Action(
        "dashboard.export", "e", "Export", "Export the job at the cursor: workbook, pictures, agency sheet."
    ),
    Action(
        "dashboard.statistics",
        "i",
        "Statistics",
        "What was made and spent: by day, reason, step, configuration and model.",
        is_shown=True,
        is_anywhere=True,
    ),
    Action(
        "dashboard.demo",
        "t",
        "Try the demo",
        "Show a demo that needs no key, in a folder of its own.",
        is_shown=True,
    ),
    # ---- jobs
    Action("jobs.rerun", "r", "Rerun", "Run the marked jobs again, in the order shown.", is_shown=True),
    Action("jobs.rerun_as_run", "R", "Rerun as it ran", "Run them again with the settings of that time."),
    Action(
        "jobs.export",
        "e",
        "Export",
        "Export the marked jobs: workbook, pictures, agency sheet.",
        is_shown=True,
    ),
    Action("jobs.delete", "d", "Delete", "Delete jobs and move their images to the trash.", is_shown=True),
    Action("jobs.undo", "u", "Undo", "Take the last deletion back.", is_shown=True),
    Action("jobs.rename", "t", "Rename", "Give the job another label."),
    Action("jobs.stop", "x", "Stop", "Stop the running job; images that are paid for are still finished."),
    Action("jobs.force_stop", "X", "Force stop", "Stop the running job at once."),
    Action(
        "jobs.pause",
        "p",
        "Pause",
        "Pause the running job, or go on with one that was paused, stopped or failed.",
    ),
    # ---- one job
    Action("job_detail.previous_tab", "left_square_bracket", "Tab before", "To the tab before."),
    Action(
        "job_detail.next_tab",
        "right_square_bracket",
        "Next tab",
        "To the next tab: overview, images, logs (with the keys of the log), settings of the next run.",
        is_shown=True,
    ),
    Action("job_detail.next_job", "n", "Next job", "To the next job.", is_shown=True),
    Action("job_detail.previous_job", "N", "Job before", "To the job before."),
    Action(
        "job_detail.rerun",
        "r",
        "Rerun",
        "Run this job again, with its configuration as it is now.",
        is_shown=True,
    ),
    Action("job_detail.rerun_as_run", "R", "Rerun as it ran", "Run it again with the settings of that time."),
    Action(
        "job_detail.edit", "E", "Edit next run", "Edit the settings of the next run; this job keeps its own."
    ),
    Action("job_detail.save", "ctrl+s", "Save", "Save the edited settings of the next run.", is_shown=True),
    Action("job_detail.view", "v", "Grid or list", "Show the images as a grid or as a list."),
    Action("job_detail.rename", "t", "Rename", "Give the job another label."),
    Action("job_detail.delete", "d", "Delete", "Delete the job and move its images to the trash."),
    Action("job_detail.undo", "u", "Undo", "Take the deletion back.", is_shown=True),
    Action("job_detail.stop", "x", "Stop", "Stop the job; images that are paid for are still finished."),
    Action("job_detail.force_stop", "X", "Force stop", "Stop the job at once."),
    Action("job_detail.pause", "p", "Pause", "Pause the job, or go on with it."),
    Action(
        "job_detail.export", "e", "Export", "Export the job: workbook, pictures, agency sheet.", is_shown=True
    ),
    # ---- review
    Action("review.approve", "a", "Approve", "Process, title and save the image as it is.", is_shown=True),
    Action("review.retry", "r", "Retry", "Retry as it was: go on from where it failed.", is_shown=True),
    Action("review.retry_with", "R", "Retry with…", "Retry with other settings and rules.", is_shown=True),
    Action("review.regenerate", "ctrl+r", "Regenerate", "A new picture from the prompt; says the price."),
    Action("review.trash", "d", "Trash", "Move the image to the trash.", is_shown=True),
    Action("review.undo", "u", "Undo", "Take the last decision back; a retry while it waits.", is_shown=True),
    Action("review.next_undecided", "full_stop", "Next", "To the next image without a decision."),
    Action("review.previous_undecided", "comma", "Before", "To the image without a decision before."),
    Action("review.reason", "w", "Whole reason", "Show the whole reason.", is_shown=True),
    Action("review.facts", "i", "Facts", "Show prompt, seed, size, model and cost."),
    Action("review.previous_tab", "left_square_bracket", "Tab before", "To the tab before."),
    Action("review.next_tab", "right_square_bracket", "Next tab", "To the next tab."),
    Action("review.view", "v", "Grid or list", "Switch between grid and list."),
    # ---- review: tasks that need a decision
    Action("decide.ask", "r", "Check again", "Ask the provider what became of it; free.", is_shown=True),
    Action("decide.submit", "ctrl+r", "Submit again", "Send it anew; it may be paid twice.", is_shown=True),
    Action("decide.lost", "d", "Treat as lost", "Expect no picture of it any more.", is_shown=True),
    # ---- gallery
    Action("gallery.view", "v", "Grid or list", "Switch between grid and list.", is_shown=True),
    Action("gallery.trash", "d", "Trash", "Move the marked images to the trash.", is_shown=True),
    Action("gallery.undo", "u", "Undo", "Take the last decision back.", is_shown=True),
    Action(
        "gallery.export", "e", "Export", "Export the marked images: pictures, agency sheet.", is_shown=True
    ),
    Action(
        "gallery.texts",
        "t",
        "Texts",
        "Edit title, description, tags, category; of marked images tags, category.",
        is_shown=True,
    ),
    # ---- viewer
    Action("viewer.previous", "h", "Before", "To the image before.", is_shown=True),
    Action("viewer.next", "l", "Next", "To the next image.", is_shown=True),
    Action("viewer.fit", "z", "Fit or actual", "Fit the window, or show actual pixels.", is_shown=True),
    Action("viewer.zoom_in", "plus", "Larger", "Show it larger."),
    Action("viewer.zoom_out", "minus", "Smaller", "Show it smaller."),
    Action("viewer.pan_left", "left", "Pan left", "Move the window left."),
    Action("viewer.pan_right", "right", "Pan right", "Move the window right."),
    Action("viewer.pan_up", "up", "Pan up", "Move the window up."),
    Action("viewer.pan_down", "down", "Pan down", "Move the window down."),
    Action("viewer.backdrop", "b", "Backdrop", "Checker, black or white behind transparent parts."),
    Action("viewer.facts", "i", "Facts", "Show prompt, seed, size, model and cost.", is_shown=True),
    Action("viewer.protocol", "m", "Protocol", "Draw pictures in another way: kitty, sixel, blocks, off."),
    Action(
        "viewer.approve", "a", "Approve", "Process and save the image, and mark it approved.", is_shown=True
    ),
    Action("viewer.retry", "r", "Retry", "Retry as it was: go on from where it failed.", is_shown=True),
    Action("viewer.retry_with", "R", "Retry with…", "Retry with other settings and rules."),
    Action("viewer.regenerate", "ctrl+r", "Regenerate", "A new picture from the prompt; says the price."),
    Action("viewer.trash", "d", "Trash", "Move the image to the trash.", is_shown=True),
    Action("viewer.undo", "u", "Undo", "Take the last decision back."),
    Action(
        "viewer.texts",
        "t",
        "Texts",
        "Edit title, description, tags and category of an approved image.",
        is_shown=True,
    ),
    # ---- logs
    Action("logs.follow", "F", "Follow", "Keep the newest line in sight, or stop doing so.", is_shown=True),
    Action("logs.level", "f", "Level", "The lowest level that is shown.", is_shown=True),
    Action("logs.stage", "s", "Stage", "Only lines of one stage."),
    Action("logs.search", "slash", "Search", "Find text in the log.", is_shown=True),
    Action("logs.next_match", "n", "Next match", "To the next place with the text."),
    Action("logs.previous_match", "N", "Match before", "To the place before."),
    Action("logs.wrap", "w", "Wrap", "Break long lines, or cut them.", is_shown=True),
    Action("logs.save", "S", "Save", "Save what is shown as a .log file.", is_shown=True),
    Action("logs.this_job", "J", "This job", "Only the job of the line at the cursor, or all."),
    # ---- statistics
    Action("statistics.previous_tab", "left_square_bracket", "Tab before", "To the tab before."),
    Action(
        "statistics.next_tab",
        "right_square_bracket",
        "Next tab",
        "To the next tab: days, reasons, steps, configurations, models.",
        is_shown=True,
    ),
    Action(
        "statistics.span",
        "f",
        "Days",
        "All days, the last 7, 30 or 365.",
        is_shown=True,
    ),
    Action(
        "statistics.dates",
        "slash",
        "Dates",
        "Type the days: 2026-11, 2026-11-22, or two of them with .. between.",
        is_shown=True,
    ),
    # ---- forms
    Action("form.cursor_down", "j,down", "Down", "One row down."),
    Action("form.cursor_up", "k,up", "Up", "One row up."),
    Action("form.first", "g,home", "First", "To the first row."),
    Action("form.last", "G,end", "Last", "To the last row."),
    Action("form.half_page_down", "ctrl+d,pagedown", "Half a page down", "Half a page down."),
    Action("form.half_page_up", "ctrl+u,pageup", "Half a page up", "Half a page up."),
    Action("form.edit", "enter", "Edit", "Edit the setting at the cursor.", is_shown=True),
    Action("form.switch", "space", "Toggle", "Switch the setting, or take its next choice.", is_shown=True),
    Action("form.increase", "plus,l,right", "More", "One step more, or the next choice."),
    Action("form.decrease", "minus,h,left", "Less", "One step less, or the choice before."),
    Action("form.default", "D", "Default", "Put this setting back to its default; a key: delete it."),
    Action("form.undo", "u", "Undo", "Take the last change back."),
    Action("form.previous_group", "left_square_bracket", "Group before", "To the group before."),
    Action("form.next_group", "right_square_bracket", "Next group", "To the next group."),
    Action("form.find", "slash", "Find", "Show only settings with this text, as you type.", is_shown=True),
    # ---- settings
    Action("settings.save", "ctrl+s", "Save", "Save the configuration and the preferences.", is_shown=True),
    Action("settings.choose", "c", "Configuration", "Choose another configuration.", is_shown=True),
    Action("settings.new", "n", "New", "A new configuration with the program's own defaults."),
    Action("settings.duplicate", "C", "Duplicate", "Save what is shown under another name."),
    Action("settings.rename", "t", "Rename", "Give the configuration another name."),
    Action("settings.delete", "d", "Delete", "Delete the configuration; jobs keep their settings."),
    Action(
        "settings.make_default", "asterisk", "Make default", "Use this configuration where none is chosen."
    ),
    Action("settings.start", "s", "Start", "Start a job with this configuration.", is_shown=True),
    Action(
        "settings.test_key", "T", "Test keys", "Ask the service about the key at the cursor, or about all."
    ),
    Action("settings.editor", "e", "Editor", "Edit the configuration as TOML in $EDITOR."),
    Action("settings.reset", "Z", "Reset", "Put everything back to the defaults, with or without the keys."),
)
