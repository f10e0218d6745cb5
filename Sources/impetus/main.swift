// SPDX-License-Identifier: Apache-2.0
// The program: everything is in Commands.

import Commands

await Entry.run()
