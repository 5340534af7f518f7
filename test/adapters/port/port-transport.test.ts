import { transportContract } from '../../contracts/transport.contract.ts'
import { joinByLikeDataChannel, SocketTransports } from '../../support/port-sockets.ts'
import { joinByMessageChannel, PortTransports } from '../../support/port-transports.ts'

transportContract('a port transport on MessagePorts', () => new PortTransports(joinByMessageChannel))
transportContract('a port transport on WebSockets', () => new SocketTransports())
// The real ones are in chromium.test.ts.
transportContract('a port transport on the likes of data channels', () => new PortTransports(joinByLikeDataChannel))
