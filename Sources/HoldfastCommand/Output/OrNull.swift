/// A member of a JSON object that stays there as `null`, so that the object's shape is always the same.
@propertyWrapper
struct OrNull<Value: Encodable>: Encodable {
    let wrappedValue: Value?

    init(wrappedValue value: Value?) { wrappedValue = value }

    func encode(to encoder: any Encoder) throws {
        var box = encoder.singleValueContainer()
        if let wrappedValue { try box.encode(wrappedValue) } else { try box.encodeNil() }
    }
}
