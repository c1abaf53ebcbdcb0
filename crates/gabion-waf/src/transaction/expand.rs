//! Values of variables: in texts, and as what rules look at.

use std::io::Write as _;

use super::{Item, State, Transaction};
use crate::program::{Program, View};
use crate::seclang::target::{Selection, Selector, Target};
use crate::seclang::template::{Piece, Reference, Template};
use crate::slots::Slot;
use crate::values::ValueId;
use crate::variable::{Shape, Variable};

/// Seconds of a day.
const DAY: i64 = 86_400;

impl Transaction {
    /// Writes a text with the values of its macros; what a macro does not find is empty.
    pub(super) fn expand(&self, template: &Template, out: &mut Vec<u8>) {
        for piece in &template.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Value(reference) => self.append(reference, out),
            }
        }
    }

    /// A text with the values of its macros.
    pub(super) fn expanded(&self, template: &Template) -> Vec<u8> {
        let mut out = Vec::new();
        self.expand(template, &mut out);
        out
    }

    fn append(&self, reference: &Reference, out: &mut Vec<u8>) {
        let Reference { variable, key, slot } = reference;
        match (variable, variable.shape()) {
            (Variable::Tx, _) => {
                if let Some(slot) = slot.or_else(|| self.tx_slot(key)) {
                    self.append_tx(slot, out);
                }
            }
            (Variable::Rule, _) => self.append_rule(key, out),
            (_, Shape::Scalar) => self.append_scalar(*variable, out),
            (Variable::MatchedVars | Variable::MatchedVarsNames, _) => {
                if let Some(item) = self.state.matched.last() {
                    out.extend_from_slice(self.state.values.get(item.seen));
                }
            }
            _ => {
                let wanted = |name: &[u8]| key.is_empty() || key.eq_ignore_ascii_case(name);
                let mut found =
                    sources(*variable).flat_map(|source| &self.state.collections[source as usize]);
                if let Some(entry) = found.find(|entry| wanted(self.state.values.get(entry.name))) {
                    out.extend_from_slice(self.state.values.get(entry.value));
                }
            }
        }
    }

    fn append_tx(&self, slot: Slot, out: &mut Vec<u8>) {
        match self.state.tx.values[slot.0] {
            Some(super::tx::TxValue::Number(number)) => append_number(number, out),
            Some(super::tx::TxValue::Text(value)) => out.extend_from_slice(self.state.values.get(value)),
            None => {}
        }
    }

    fn append_rule(&self, key: &[u8], out: &mut Vec<u8>) {
        let rule = &self.program.rules[self.state.rule];
        match key.to_ascii_lowercase().as_slice() {
            b"id" => out.extend_from_slice(rule.id.to_string().as_bytes()),
            b"rev" => out.extend_from_slice(rule.rev.as_bytes()),
            b"severity" => out.extend(rule.severity.map(|severity| b'0' + severity)),
            b"msg" => out.extend_from_slice(
                rule.links[0].msg.as_ref().and_then(Template::constant).unwrap_or_default(),
            ),
            _ => {}
        }
    }

    fn append_scalar(&self, variable: Variable, out: &mut Vec<u8>) {
        let seconds = self.now.seconds();
        match variable {
            Variable::MatchedVar => {
                if let Some(item) = self.state.matched.last() {
                    out.extend_from_slice(self.state.values.get(item.seen));
                }
            }
            Variable::MatchedVarName => {
                if let Some(item) = self.state.matched.last() {
                    self.append_name(item, out);
                }
            }
            Variable::HighestSeverity => append_number(self.state.highest_severity, out),
            Variable::Duration => {
                out.extend_from_slice(self.now.since(self.started).as_micros().to_string().as_bytes());
            }
            Variable::ModsecBuild => out.extend_from_slice(b"000000000"),
            Variable::Time => {
                let (hour, minute, second) = clock(seconds);
                out.extend_from_slice(format!("{hour:02}:{minute:02}:{second:02}").as_bytes());
            }
            Variable::TimeEpoch => append_number(seconds, out),
            Variable::TimeHour => append_number(clock(seconds).0, out),
            Variable::TimeMin => append_number(clock(seconds).1, out),
            Variable::TimeSec => append_number(clock(seconds).2, out),
            // 1970-01-01 was a Thursday; Sunday is 0.
            Variable::TimeWday => append_number((seconds.div_euclid(DAY) + 4).rem_euclid(7), out),
            Variable::TimeYear => append_number(date(seconds).0, out),
            Variable::TimeMon => append_number(date(seconds).1 - 1, out),
            Variable::TimeDay => append_number(date(seconds).2, out),
            _ => out.extend_from_slice(self.state.text(variable)),
        }
    }

    /// The name of what a rule looked at, such as `ARGS:q`.
    pub(super) fn append_name(&self, item: &Item, out: &mut Vec<u8>) {
        out.extend_from_slice(item.shown.name().as_bytes());
        let name = self.state.values.get(item.name);
        if !name.is_empty() {
            out.push(b':');
            out.extend_from_slice(name);
        }
    }

    /// What a list of targets stands for now. What does not change during a phase is looked up once.
    pub(super) fn look_up(&mut self, program: &Program, place: usize, items: &mut Vec<Item>) {
        items.clear();
        let view = &program.views[place];
        if view.volatile {
            return self.look_up_anew(program, view, items);
        }
        if self.state.views[place].0 != self.state.epoch {
            let mut found = std::mem::take(&mut self.state.views[place].1);
            found.clear();
            self.look_up_anew(program, view, &mut found);
            self.state.views[place] = (self.state.epoch, found);
        }
        items.extend_from_slice(&self.state.views[place].1);
    }

    fn look_up_anew(&mut self, program: &Program, view: &View, items: &mut Vec<Item>) {
        for target in &view.targets.included {
            let start = items.len();
            self.look_up_target(program, target, items);
            if !view.targets.excluded.is_empty() {
                self.exclude(&view.targets.excluded, start, items);
            }
            if target.count {
                let count = items.len() - start;
                items.truncate(start);
                let value = self.state.values.number(i64::try_from(count).unwrap_or(i64::MAX));
                let name = match &target.selection.selector {
                    Selector::Name(name) => self.state.values.intern(name),
                    _ => ValueId::default(),
                };
                let variable = target.selection.variable;
                items.push(Item { shown: variable, source: variable, name, value, seen: value });
            }
        }
    }

    /// Takes out what is excluded, from the item at `start` on.
    fn exclude(&self, excluded: &[Selection], start: usize, items: &mut Vec<Item>) {
        let is_excluded = |item: &Item| {
            let name = self.state.values.get(item.name);
            let covers = |excluded: &Selection| {
                excluded.covers(item.source, name) || excluded.covers(item.shown, name)
            };
            excluded.iter().any(covers)
        };
        let mut place = 0;
        items.retain(|item| {
            place += 1;
            place <= start || !is_excluded(item)
        });
    }

    fn look_up_target(&mut self, program: &Program, target: &Target, items: &mut Vec<Item>) {
        let Selection { variable, selector, .. } = &target.selection;
        match (variable, variable.shape()) {
            (Variable::Tx, _) => self.look_up_tx(program, &target.selection, items),
            (Variable::MatchedVars, _) | (Variable::MatchedVarsNames, _) => {
                self.look_up_matched(*variable, selector, items)
            }
            (Variable::Rule, _) => {
                if let Selector::Name(key) = selector {
                    let mut text = Vec::new();
                    self.append_rule(key, &mut text);
                    let (name, value) = (self.state.values.intern(key), self.state.values.intern(&text));
                    items.push(Item { shown: *variable, source: *variable, name, value, seen: value });
                }
            }
            (_, Shape::Scalar) => {
                let value = match self.state.scalars[*variable as usize] {
                    value if value != ValueId::default() => value,
                    _ => {
                        let mut text = Vec::new();
                        self.append_scalar(*variable, &mut text);
                        self.state.values.intern(&text)
                    }
                };
                items.push(Item {
                    shown: *variable,
                    source: *variable,
                    name: ValueId::default(),
                    value,
                    seen: value,
                });
            }
            (_, Shape::Names(of)) => self.state.select(*variable, of, selector, true, items),
            _ => self.state.select(*variable, *variable, selector, false, items),
        }
    }

    fn look_up_tx(&mut self, program: &Program, selection: &Selection, items: &mut Vec<Item>) {
        let known = program.slots.names().len();
        for slot in &selection.slots {
            self.look_up_slot(program, *slot, items);
        }
        // Names that came while rules ran; a name that rules know has no place among them.
        for place in 0..self.state.tx.names.len() {
            if selection.selector.selects(&self.state.tx.names[place]) {
                self.look_up_slot(program, Slot(known + place), items);
            }
        }
    }

    fn look_up_slot(&mut self, program: &Program, slot: Slot, items: &mut Vec<Item>) {
        if let Some(value) = self.state.tx_value(slot) {
            items.push(self.tx_item(program, slot, value));
        }
    }

    fn tx_item(&mut self, program: &Program, slot: Slot, value: ValueId) -> Item {
        let known = program.slots.names();
        let State { values, tx, .. } = &mut self.state;
        let name = values.intern(known.get(slot.0).unwrap_or_else(|| &tx.names[slot.0 - known.len()]));
        Item { shown: Variable::Tx, source: Variable::Tx, name, value, seen: value }
    }

    fn look_up_matched(&mut self, variable: Variable, selector: &Selector, items: &mut Vec<Item>) {
        for place in 0..self.state.matched.len() {
            let item = self.state.matched[place];
            let mut name = Vec::new();
            self.append_name(&item, &mut name);
            if selector.selects(&name) {
                let name = self.state.values.intern(&name);
                let value = if variable == Variable::MatchedVars { item.seen } else { name };
                items.push(Item { shown: variable, source: variable, name, value, seen: value });
            }
        }
    }
}

impl State {
    /// The entries of a collection, or their names as values.
    fn select(&self, shown: Variable, of: Variable, selector: &Selector, names: bool, items: &mut Vec<Item>) {
        for source in sources(of) {
            for entry in &self.collections[source as usize] {
                if selector.selects(self.values.get(entry.name)) {
                    let value = if names { entry.name } else { entry.value };
                    let source = if names { shown } else { source };
                    let shown = match source {
                        Variable::XmlText | Variable::XmlAttributes => source,
                        _ => shown,
                    };
                    items.push(Item { shown, source, name: entry.name, value, seen: value });
                }
            }
        }
    }
}

/// The collections that a variable consists of.
pub(super) fn sources(variable: Variable) -> impl Iterator<Item = Variable> {
    let (first, second) = match variable.shape() {
        Shape::Union(first, second) => (first, Some(second)),
        _ => (variable, None),
    };
    std::iter::once(first).chain(second)
}

fn append_number(number: i64, out: &mut Vec<u8>) {
    write!(out, "{number}").expect("a Vec takes everything");
}

/// Hour, minute and second of a day in UTC.
const fn clock(seconds: i64) -> (i64, i64, i64) {
    let second = seconds.rem_euclid(DAY);
    (second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day in UTC. Source: the algorithm `civil_from_days` of Howard Hinnant.
const fn date(seconds: i64) -> (i64, i64, i64) {
    let days = seconds.div_euclid(DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + (month <= 2) as i64, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(951_782_400), (2000, 2, 29));
        assert_eq!(date(1_795_000_000), (2026, 11, 18));
        assert_eq!(date(-1), (1969, 12, 31));
        assert_eq!(clock(951_782_400 + 3_723), (1, 2, 3));
    }
}
