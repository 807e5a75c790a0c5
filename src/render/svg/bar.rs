//! One piece of evidence as a bar: to the right for, to the left against.

use crate::render::markup::{Markup, coordinate};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 12.0;

/// A bar for `nats`, where `full` fills half of the room. The number beside it says the same.
pub fn nats(m: &mut Markup, nats: f64, full: f64) {
    let middle = WIDTH / 2.0;
    let share = if full > 0.0 {
        (nats / full).clamp(-1.0, 1.0)
    } else {
        0.0
    };
    let length = share.abs() * middle;
    let (x, class) = if share < 0.0 {
        (middle - length, "against")
    } else {
        (middle, "for")
    };
    let (width, height) = (coordinate(WIDTH), coordinate(HEIGHT));
    let attributes = [
        ("class", "nats"),
        ("width", width.as_str()),
        ("height", height.as_str()),
        ("aria-hidden", "true"),
    ];
    m.element("svg", &attributes, |m| {
        m.empty(
            "rect",
            &[
                ("class", class),
                ("x", &coordinate(x)),
                ("y", "1"),
                ("width", &coordinate(length)),
                ("height", "10"),
            ],
        );
        m.empty("path", &[("class", "zero"), ("d", "M60 0V12")]);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn against_goes_left_and_for_goes_right() {
        let drawn = |value: f64| {
            let mut m = Markup::default();
            nats(&mut m, value, 4.0);
            m.finish()
        };
        assert!(drawn(2.0).contains("class=\"for\" x=\"60\" y=\"1\" width=\"30\""));
        assert!(drawn(-4.0).contains("class=\"against\" x=\"0\" y=\"1\" width=\"60\""));
        assert!(drawn(9.0).contains("width=\"60\""));
        assert!(drawn(f64::NAN).contains("width=\"0\""));
    }
}
