/// How a simulated store and its clients misbehave. Rates are of 1,000 requests.
package struct FaultPlan: Sendable, Equatable {
    /// The request never arrives.
    package var lostRequest = 0
    /// The request takes effect, and its answer is lost.
    package var lostAnswer = 0
    /// The client gives up, and the write takes effect later, behind other writes.
    package var lateEffect = 0
    /// The request takes effect at once, and its answer arrives later, behind others.
    package var delayedAnswer = 0
    /// 409: a write of the same key is in flight.
    package var conflict = 0
    /// 412 after the client's own success: a layer below repeated a request whose answer was lost.
    package var ownSuccessTaken = 0
    /// 500, with or without effect.
    package var serverError = 0
    /// 503.
    package var throttled = 0
    /// An object's content ends early.
    package var cutShort = 0
    /// A byte of a pack is wrong although nothing reports it.
    package var wrongByte = 0
    /// A batch of deletes fails in part.
    package var partialDelete = 0
    /// 403 for one listing.
    package var deniedList = 0
    /// 403 instead of 404 for a key that is not there: what S3 says to those who may not list.
    package var missingIsDenied = false
    /// Of 1,000 steps, how many end a process.
    package var crash = 0
    /// The step in which a process ends, whatever ``crash`` says.
    package var crashStep: Int?
    /// Of 1,000 steps, how many suspend a process for a time: minutes, and once in each of its works for hours. Longer than prune's grace, a save
    /// could not survive it: nobody can look at the clock in the very moment in which a request takes effect.
    package var pause = 0

    /// Of 1,000 steps, how many damage an object in the store, which some time later may be repaired.
    package var damage = 0
    /// The most objects that are damaged in all.
    package var damages = 6
    /// Of 1,000 steps, how many begin a time in which the store does not hand out an object.
    package var refusal = 0
    /// Of 1,000 steps, how many begin a time in which keys may not be listed.
    package var refusedListing = 0

    /// Of 1,000 steps, how many lose the newest commit for good, as a bucket does that is restored from an older backup.
    package var loss = 0

    /// No faults at all.
    package static let none = FaultPlan()

    /// A plan with most kinds of faults off and a few frequent: faults that always come together hide each other.
    package static func drawn(_ dice: inout Dice) -> FaultPlan {
        var plan = FaultPlan()
        func rate() -> Int { dice.pick(weights: [5, 3, 2, 1]) }
        let rates = [0, 15, 60, 200]
        plan.lostRequest = rates[rate()]
        plan.lostAnswer = rates[rate()]
        plan.lateEffect = rates[rate()]
        plan.delayedAnswer = rates[rate()]
        plan.conflict = rates[rate()]
        plan.ownSuccessTaken = rates[rate()]
        plan.serverError = rates[rate()]
        plan.throttled = rates[rate()]
        plan.cutShort = rates[rate()] / 2
        plan.wrongByte = rates[rate()] / 4
        plan.partialDelete = rates[rate()]
        plan.deniedList = rates[rate()] / 8
        plan.missingIsDenied = dice.chance(150)
        plan.crash = [0, 4, 12, 40][rate()]
        plan.pause = [0, 3, 8, 20][rate()]
        if dice.chance(400) { plan.damage = dice.pick([6, 15, 30]) }
        if dice.chance(400) {
            plan.refusal = dice.pick([0, 10, 30, 80])
            plan.refusedListing = dice.pick([0, 0, 5, 15])
        }
        plan.loss = dice.chance(100) ? dice.pick([5, 15]) : 0
        return plan
    }
}
