export { type Check, examineMachine } from '../sandbox/doctor.ts';
export { defaultStoreRoot } from '../store/store.ts';
