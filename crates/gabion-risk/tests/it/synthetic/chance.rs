//! Chance that repeats itself: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).

pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From zero to just below one.
    pub(crate) fn share(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).expect("32 bits");
        f64::from(bits) / 2f64.powi(32)
    }

    pub(crate) fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    pub(crate) fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).expect("below a u32")
    }

    /// A waiting time with this mean.
    pub(crate) fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.share()).ln()
    }

    /// One of `things`, by weight.
    pub(crate) fn pick<'a, T>(&mut self, things: &'a [T], weight: impl Fn(&T) -> f64) -> &'a T {
        let mut at = self.share() * things.iter().map(&weight).sum::<f64>();
        for thing in things {
            at -= weight(thing);
            if at < 0.0 {
                return thing;
            }
        }
        things.last().expect("something to pick from")
    }
}
