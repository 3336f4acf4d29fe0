export { NOTIFIER_COLLECTIONS as COLLECTIONS } from '@orbitmesh/storage';
