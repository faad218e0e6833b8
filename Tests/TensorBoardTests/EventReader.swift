import Foundation

/// Takes an event file apart byte by byte, without the code that wrote it.
struct EventReader {
    struct Scalar: Equatable {
        var tag: String
        var value: Float
    }

    struct Event {
        var time = 0.0
        var step = 0
        var version: String?
        var scalars: [Scalar] = []
        var texts: [(tag: String, text: String)] = []
    }

    enum Fault: Error { case torn(Int), checksum(Int), field(Int) }

    /// The events of a file; throws for the first byte that is wrong.
    static func events(_ bytes: [UInt8]) throws -> [Event] {
        var result: [Event] = []
        var place = 0
        while place < bytes.count {
            guard place + 12 <= bytes.count else { throw Fault.torn(place) }
            let length = Int(number(bytes[place..<place + 8]))
            guard unmasked(bytes[place + 8..<place + 12]) == checksum(bytes[place..<place + 8]) else {
                throw Fault.checksum(place)
            }
            let start = place + 12
            guard length >= 0, start + length + 4 <= bytes.count else { throw Fault.torn(place) }
            let body = bytes[start..<start + length]
            guard unmasked(bytes[start + length..<start + length + 4]) == checksum(body) else {
                throw Fault.checksum(start)
            }
            result.append(try event(fields(body)))
            place = start + length + 4
        }
        return result
    }

    private struct Field {
        var number: Int
        var integer: UInt64 = 0
        var bytes: ArraySlice<UInt8> = []
        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    private static func event(_ parts: [Field]) throws -> Event {
        var event = Event()
        for part in parts {
            switch part.number {
            case 1: event.time = Double(bitPattern: part.integer)
            case 2: event.step = Int(part.integer)
            case 3: event.version = part.text
            case 5:
                for value in try fields(part.bytes) where value.number == 1 { try add(fields(value.bytes), to: &event) }
            default: throw Fault.field(part.number)
            }
        }
        return event
    }

    private static func add(_ parts: [Field], to event: inout Event) throws {
        let tag = parts.first { $0.number == 1 }?.text ?? ""
        for part in parts {
            switch part.number {
            case 1: break
            case 2: event.scalars.append(Scalar(tag: tag, value: Float(bitPattern: UInt32(part.integer))))
            case 8:
                let tensor = try fields(part.bytes)
                guard tensor.first(where: { $0.number == 1 })?.integer == 7 else { throw Fault.field(8) }
                event.texts += tensor.filter { $0.number == 8 }.map { (tag, $0.text) }
            case 9:
                let plugin = try fields(fields(part.bytes).first { $0.number == 1 }?.bytes ?? [])
                guard plugin.first(where: { $0.number == 1 })?.text == "text" else { throw Fault.field(9) }
            default: throw Fault.field(part.number)
            }
        }
    }

    private static func fields(_ bytes: ArraySlice<UInt8>) throws -> [Field] {
        var result: [Field] = []
        var place = bytes.startIndex
        func variable() throws -> UInt64 {
            var (value, shift) = (UInt64(0), UInt64(0))
            while place < bytes.endIndex, shift < 64 {
                let byte = bytes[place]
                place += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            throw Fault.torn(place)
        }
        func take(_ count: Int) throws -> ArraySlice<UInt8> {
            guard count >= 0, count <= bytes.endIndex - place else { throw Fault.torn(place) }
            defer { place += count }
            return bytes[place..<place + count]
        }
        while place < bytes.endIndex {
            let key = try variable()
            var field = Field(number: Int(key >> 3))
            switch key & 7 {
            case 0: field.integer = try variable()
            case 1: field.integer = number(try take(8))
            case 2: field.bytes = try take(Int(try variable()))
            case 5: field.integer = number(try take(4))
            default: throw Fault.field(field.number)
            }
            result.append(field)
        }
        return result
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func unmasked(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        let rotated = UInt32(number(bytes)) &- 0xA282_EAD8
        return rotated >> 17 | rotated << 15
    }

    /// The checksum by its definition, a bit at a time.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var value = UInt32.max
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
        }
        return ~value
    }
}
