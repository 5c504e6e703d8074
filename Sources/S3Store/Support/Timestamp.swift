import FoundationEssentials

/// The date formats that S3 and its relatives put on the wire.
///
/// Calendar arithmetic is done here, without `DateFormatter`: that one class would add 45 MB to the command.
enum Timestamp {
    /// `20130524T000000Z`, the form that SigV4 signs (AWS "Signature Version 4", *basic ISO 8601*).
    static func basic(_ date: Date) -> String {
        let (civil, clock) = parts(date)
        return pad(civil.year, 4) + pad(civil.month, 2) + pad(civil.day, 2) + "T"
            + pad(clock / 3600, 2) + pad(clock / 60 % 60, 2) + pad(clock % 60, 2) + "Z"
    }

    /// Reads ISO 8601 in UTC or with an offset, in basic (`20130524T000000Z`) or extended form
    /// (`2013-05-24T00:00:00.000Z`, also with a space for `T`).
    /// - Returns: `nil` for anything that is not such a time.
    static func iso8601(_ text: some StringProtocol) -> Date? {
        var scanner = Scanner(text)
        guard let year = scanner.digits(4) else { return nil }
        let extended = scanner.skip("-")
        guard let month = scanner.digits(2), !extended || scanner.skip("-"), let day = scanner.digits(2) else {
            return nil
        }
        guard scanner.skip("T") || scanner.skip("t") || scanner.skip(" ") else { return nil }
        guard let hour = scanner.digits(2), !extended || scanner.skip(":"), let minute = scanner.digits(2),
            !extended || scanner.skip(":"), let second = scanner.digits(2)
        else { return nil }
        let fraction = scanner.skip(".") ? scanner.fraction() : 0
        guard let offset = scanner.offset(), scanner.isAtEnd, let fraction else { return nil }
        return date(year, month, day, hour, minute, second).map { $0 + fraction - Double(offset) }
    }

    /// Reads the `Date` and `Last-Modified` headers: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7, IMF-fixdate).
    static func http(_ text: some StringProtocol) -> Date? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT" || words[5] == "UTC", let day = Int(words[1]),
            let year = Int(words[3]), let month = months.firstIndex(of: words[2].lowercased())
        else { return nil }
        let clock = words[4].split(separator: ":").map { Int($0) }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2] else { return nil }
        return date(year, month + 1, day, hour, minute, second)
    }

    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

    private static func date(_ y: Int, _ m: Int, _ d: Int, _ hh: Int, _ mm: Int, _ ss: Int) -> Date? {
        guard (1...12).contains(m), (1...31).contains(d), (0...23).contains(hh), (0...59).contains(mm),
            (0...60).contains(ss), (0...9999).contains(y)
        else { return nil }
        return Date(timeIntervalSince1970: Double(daysSinceEpoch(y, m, d) * 86_400 + hh * 3600 + mm * 60 + ss))
    }

    /// Splits a date into its UTC calendar day and the second of that day.
    private static func parts(_ date: Date) -> (civil: (year: Int, month: Int, day: Int), clock: Int) {
        let seconds = Int(date.timeIntervalSince1970.rounded(.down))
        let day = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
        return (civil(day), seconds - day * 86_400)
    }

    // Both directions of the proleptic Gregorian calendar, counted in eras of 400 years that begin in March,
    // so that the leap day is the last day of its year.
    private static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    private struct Scanner {
        private var rest: ArraySlice<UInt8>
        init(_ text: some StringProtocol) { rest = Array(text.utf8)[...] }
        var isAtEnd: Bool { rest.isEmpty }

        mutating func skip(_ character: Character) -> Bool {
            guard let first = rest.first, first == character.asciiValue else { return false }
            rest.removeFirst()
            return true
        }

        mutating func digits(_ count: Int) -> Int? {
            guard rest.count >= count, rest.prefix(count).allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            defer { rest.removeFirst(count) }
            return rest.prefix(count).reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }

        mutating func fraction() -> Double? {
            var value = 0.0
            var scale = 0.1
            let before = rest.count
            while let digit = rest.first, (0x30...0x39).contains(digit) {
                value += Double(digit - 0x30) * scale
                scale /= 10
                rest.removeFirst()
            }
            return rest.count < before ? value : nil
        }

        /// Seconds east of UTC; a time without a zone is UTC.
        mutating func offset() -> Int? {
            if isAtEnd || skip("Z") || skip("z") { return 0 }
            let sign = skip("+") ? 1 : skip("-") ? -1 : 0
            guard sign != 0, let hours = digits(2) else { return nil }
            _ = skip(":")
            guard let minutes = digits(2) else { return nil }
            return sign * (hours * 3600 + minutes * 60)
        }
    }
}
