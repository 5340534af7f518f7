import { MAX_PAYLOAD } from './port-frames.ts'

/** What a frame costs beside its bytes: a stream cut into single bytes must not hold more memory than one in whole chunks (T8). */
export const FRAME_COST = 256
/** Cost of what a reader has not taken, under way or arrived, after which the writer waits: four whole chunks. */
export const WINDOW = 4 * (MAX_PAYLOAD + FRAME_COST)
/** Returned together; far below what a writer that waits for a whole chunk can miss. */
export const CREDIT_STEP = WINDOW / 8
